/** Runs a scenario under load in one network, and returns its losses. */
import { nodes, pods } from '../support/anycast-net/plan.ts';
import type { Namespace } from '../support/lab.ts';
import { Load, type Request, type Stream } from './load.ts';
import { shares } from './losses.ts';
import type { Scenario } from './scenarios.ts';
import type { World } from './world.ts';

export interface Performance {
  requests: Request[];
  marks: readonly { at: number; what: string }[];
  /** Whether the agents logged the warning that the scenario expects. */
  warned: boolean;
  /** Pods that answered less than a tenth of what they should have had a share in, in words. */
  starved: string[];
}

/** Both families together: 1,000 UDP requests and 160 connections a second. */
const rates = { router: { udp: 200, tcp: 40 }, node: { udp: 150, tcp: 20 } };
/** Before the scenario, and after it. */
const calmMs = 1000;

/** @param program path of the compiled `load.c` */
export async function perform(world: World, scenario: Scenario, program: string): Promise<Performance> {
  const { client, nodes: hosts } = world.topology;
  await scenario.prepare?.(world);
  world.marks.length = 0;
  world.mark('the load began');
  const loads = [
    new Load(program, client, streams(rates.router)),
    ...[...hosts.values()].map(host => new Load(program, host as Namespace, streams(rates.node))),
  ];
  await world.pause(calmMs);
  await scenario.run(world);
  await world.settled();
  const calmFrom = performance.now();
  await world.pause(calmMs);
  const requests = (await Promise.all(loads.map(load => load.stop()))).flat();
  const warned = [...world.nodes.values()].some(({ agent }) =>
    agent.lines.some(({ code }) => code === scenario.warning),
  );
  const marks = [...world.marks];
  await scenario.restore?.(world);
  const afterwards = requests.filter(({ sentAt }) => sentAt > calmFrom);
  return { requests, marks, warned, starved: starved(afterwards) };
}

function streams({ udp, tcp }: { udp: number; tcp: number }): Stream[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family): Stream[] => [
    { protocol: 'udp', family, rate: udp },
    { protocol: 'tcp', family, rate: tcp },
  ]);
}

/** From behind the router all pods share, from a node its own. */
function starved(requests: readonly Request[]): string[] {
  const origins = [
    { from: 'client', eligible: pods },
    ...nodes.map(node => ({ from: node.name, eligible: node.pods })),
  ];
  const found: string[] = [];
  for (const { from, eligible } of origins) {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const parts = shares(requests.filter(request => request.from === from && request.family === family));
      for (const { name } of eligible) {
        const part = parts.get(name) ?? 0;
        if (part < 0.1)
          found.push(
            `${name} answers ${(part * 100).toFixed(1)} % of ${family} from ${from}, a tenth is due`,
          );
      }
    }
  }
  return found;
}
