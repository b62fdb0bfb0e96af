/** Programs that receive every route notification of a field during a measurement. */
import { renderBirdConfig } from '../lib/bird/render.ts';
import { parseNodeConfig } from '../lib/config/node-config.ts';
import { startBird } from '../test/support/bird.ts';
import { eventually } from '../test/support/lab.ts';
import { owned } from './agent-side.ts';
import type { Cell, Field } from './field.ts';
import { missingFile } from './peers/peer.ts';
import { cpuSeconds } from './process-cost.ts';
import { bareListener, nobody } from './workloads/routes.ts';

export interface Listener {
  name: string;
  /** Why it can not run on this machine; undefined when it can. */
  missing(): Promise<string | undefined>;
  /** Starts it in the network namespace of a cell's routes, and waits until it has read them. */
  start(field: Field, cell: Cell): Promise<Listening>;
}

export interface Listening {
  /** Waits until it has processed all notifications. */
  digest(): Promise<void>;
  stop(): Promise<void>;
}

const able = async () => undefined;
const nothing = async () => {};
/** Longer than the kernel's clock tick, in which it counts CPU time, in milliseconds. */
const lookMs = 30;

export const listeners: readonly Listener[] = [
  { name: nobody, missing: able, start: async () => ({ digest: nothing, stop: nothing }) },
  {
    name: bareListener,
    missing: able,
    start: async field => ({ digest: nothing, stop: await field.listen() }),
  },
  {
    name: 'BIRD, learning',
    missing: () => missingFile({ '/usr/sbin/bird': 'bird2' }),
    start: startLearning,
  },
];

/** BIRD with our configuration, without a peer; it needs `net.ipv4.nexthop_compat_mode` 1, the kernel's default. */
async function startLearning(field: Field, { family, destinations }: Cell): Promise<Listening> {
  const nodeConfig = parseNodeConfig(
    JSON.stringify({
      bgp: { localAsn: 65001, routerId: '10.0.0.1', peers: [] },
      advertise: { prefixes: ['198.18.0.0/15', '2001:db8::/32'] },
    }),
    'bench',
  );
  const config = renderBirdConfig({
    ...{ nodeConfig, mode: 'learn', routes: owned, kernelExport: false, active: [], passwords: new Map() },
  });
  const bird = await startBird(field.node, { name: 'listener', config });
  await eventually(`BIRD knows ${destinations} routes`, async () => {
    const counts = await bird.command(`show route protocol learn${family} count`);
    return counts.includes(`${destinations} of `);
  });
  return {
    async digest() {
      for (
        let used = -1;
        used !== cpuSeconds(bird.pid);
        await new Promise(resolve => setTimeout(resolve, lookMs))
      )
        used = cpuSeconds(bird.pid);
    },
    stop: () => bird.stop(),
  };
}
