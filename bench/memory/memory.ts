/** Resident memory of a real agent with 10,000 destinations, with pods from a folder and from an API server. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type AgentFiles, layOutAgent, startAgent, writeAllocations } from '../../test/support/agent.ts';
import { startKubeApiServer } from '../../test/support/kube-api-server.ts';
import { endChild, eventually } from '../../test/support/lab.ts';
import { Field } from '../field.ts';
import { layOutPods } from '../latency/flips.ts';
import type { Bench, Part } from '../part.ts';
import { allocationOf, type BenchPod, populationOf } from '../population.ts';
import { rssMb } from '../process-cost.ts';

/** The number of pods of a large node. */
const groups = 250;
const builder = fileURLToPath(new URL('../../scripts/kube-apiserver', import.meta.url));
/** The garbage of the start has been collected after this time. */
const restMs = 2000;
/** The same environment as in the image and the systemd unit. */
const launcher = ['env', 'MALLOC_ARENA_MAX=1'];

export const memory: Part = {
  name: 'memory',
  what: 'resident memory of a real agent with 10,000 destinations, without Kubernetes and with it',
  steps: () => 2,
  async run(bench) {
    const destinations = bench.plan.agentDestinations;
    const pods = populationOf({ family: 4, nexthops: 1, destinations }, groups);
    bench.step('pods from a folder');
    await fromFolder(bench, pods, destinations);
    bench.step('pods from an API server');
    const built = await promisify(execFile)(builder, ['--if-built']).catch(() => undefined);
    if (built !== undefined) await fromApiServer(bench, pods, destinations);
    else {
      const why = 'no kube-apiserver is built here; `npm run test:e2e` or scripts/kube-apiserver builds one';
      bench.results.skipped.push({ what: 'memory with Kubernetes', why });
    }
  },
};

async function fromFolder(bench: Bench, pods: BenchPod[], destinations: number): Promise<void> {
  const field = await Field.create(bench.host);
  const files = layOutAgent(field.file('agent'));
  layOutPods(files, pods);
  writeAllocations(files, pods.map(allocationOf));
  await weigh(bench, field, files, destinations, 'RSS of the agent, pods from a folder');
}

async function fromApiServer(bench: Bench, pods: BenchPod[], destinations: number): Promise<void> {
  const field = await Field.create(bench.host);
  const dir = mkdtempSync(join(tmpdir(), 'flock-bench-'));
  bench.host.teardown(() => rmSync(dir, { recursive: true, force: true }));
  // Also when the run is interrupted, without an orderly end.
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const server = await startKubeApiServer({ dir });
  bench.host.teardown(() => server.stop());
  await server.exposeIn(field.node);
  const name = 'bench';
  await server.request('POST', '/api/v1/nodes', { metadata: { name } });
  const created = await Promise.all(pods.map(pod => server.createPod(name, pod.name)));
  await Promise.all(pods.map(pod => server.setPodReady(pod.name, true)));
  const files = layOutAgent(field.file('agent'), {
    node: { name },
    pods: { source: 'kubernetes', kubeconfig: server.kubeconfigPath },
  });
  writeAllocations(
    files,
    pods.map((pod, index) => ({ ...allocationOf(pod), uid: created[index]?.metadata.uid })),
  );
  await weigh(bench, field, files, destinations, 'RSS of the agent, pods from an API server');
}

async function weigh(
  { results }: Bench,
  field: Field,
  files: AgentFiles,
  destinations: number,
  name: string,
): Promise<void> {
  const agent = startAgent(field.node, files, launcher);
  await eventually(`${destinations} routes`, async () => (await field.count(4))[0] === destinations);
  await sleep(restMs);
  results.figures.push({ name, value: rssMb(agent.child.pid as number), unit: 'MB', destinations });
  await endChild(agent.child, 5000);
}
