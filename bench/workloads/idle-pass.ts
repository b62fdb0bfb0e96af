/** A pass with nothing to do, BIRD's part included: how long it takes, and whether the heap grows. */
import { writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { renderBirdConfig } from '../../lib/bird/render.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { startBird } from '../../test/support/bird.ts';
import { AgentSide } from '../agent-side.ts';
import { Field } from '../field.ts';
import type { Part } from '../part.ts';
import { populationOf } from '../population.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

const groups = 500;

export const idlePass: Part = {
  name: 'idle-pass',
  what: 'a pass with nothing to do, and the heap after many of them',
  steps: ({ plan }) => plan.rounds,
  async run({ host, plan, results, step }) {
    const destinations = plan.agentDestinations;
    const field = await Field.create(host);
    const nodeConfig = parseNodeConfig(
      JSON.stringify({ bgp: { localAsn: 64512, routerId: '192.0.2.1', peers: [] } }),
      'bench',
    );
    const routes = { table: 254, metric: 16, protocols: { advertise: 70, hold: 71 } };
    const config = renderBirdConfig({
      nodeConfig,
      mode: 'learn',
      routes,
      kernelExport: true,
      active: [],
      passwords: new Map(),
    });
    const configPath = field.file('idle.conf');
    writeFileSync(configPath, config);
    const bird = await startBird(field.node, { name: 'idle', configPath });
    const agent = await AgentSide.start(host, {
      netns: field.node.path,
      bird: { mode: 'learn', configPath, socketPath: bird.socketPath, nodeConfig },
    });
    await agent.populate(populationOf({ family: 4, nexthops: 1, destinations }, groups));
    const samples = new Samples();
    await passes(agent, 1000);
    const before = heapUsed();
    for (let round = 0; round < plan.rounds; round++) {
      step(`${plan.idlePasses} passes`);
      const count = plan.idlePasses / plan.rounds;
      const began = performance.now();
      await passes(agent, count);
      samples.add('ours', 'pass', ((performance.now() - began) * 1000) / count);
    }
    const grown = heapUsed() - before;
    const rows = samples.rows({
      work: 'idle-pass',
      family: 4,
      nexthops: 1,
      destinations: 1,
      listens: nobody,
    });
    results.rows.push(...rows.map(row => ({ ...row, destinations })));
    results.figures.push({
      name: `heap growth over ${plan.idlePasses.toLocaleString('en')} passes with nothing to do`,
      value: grown / 1024,
      unit: 'KiB',
      destinations,
    });
  },
};

/** Runs passes in a loop, and yields from time to time so that pending callbacks run. */
async function passes(agent: AgentSide, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    await agent.reconciler.reconcile();
    if (number % 1000 === 0) await new Promise(resolve => setImmediate(resolve));
  }
}

/** The size of the reachable heap, in bytes. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
