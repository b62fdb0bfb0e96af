/** Whether a network is ready for the next scenario: every session is up, every route is complete. */
import { anycast } from '../support/anycast-net/plan.ts';
import type { BirdProcess } from '../support/bird.ts';
import { eventually, type Namespace } from '../support/lab.ts';
import type { World } from './world.ts';

interface Route {
  metric?: number;
  dev?: string;
  nexthops?: { dev: string }[];
}

export async function settled(world: World, routerBird: BirdProcess): Promise<void> {
  let wrong = '';
  await eventually(
    () => `the ${world.kind} world to settle: ${wrong}`,
    async () => {
      wrong = await whatIsWrong(world, routerBird);
      return wrong === '' || world.signal.aborted;
    },
    { timeoutMs: 40_000, intervalMs: 50 },
  );
  world.signal.throwIfAborted();
}

async function whatIsWrong({ topology, plans }: World, routerBird: BirdProcess): Promise<string> {
  const sessions = (await routerBird.command('show protocols')).match(/ BGP .* Established/g)?.length ?? 0;
  if (sessions !== plans.length * 2) return `${sessions} BGP sessions are established`;
  const expectations: [Namespace, string[]][] = [
    [topology.router, plans.map(({ routerInterface }) => routerInterface)],
    ...plans.map(({ name, pods }): [Namespace, string[]] => [
      topology.nodes.get(name) as Namespace,
      pods.map(({ hostInterface }) => hostInterface),
    ]),
  ];
  for (const [namespace, wanted] of expectations) {
    for (const address of Object.values(anycast)) {
      const found = await interfacesTo(namespace, address);
      if (found.join() !== wanted.join()) {
        return `${address} in ${namespace.role} leaves by ${found.join() || 'nothing'}, not ${wanted}`;
      }
    }
  }
  return '';
}

/** By which interfaces a kernel's best route to an address leaves, sorted. */
export async function interfacesTo(namespace: Namespace, address: string): Promise<string[]> {
  const family = address.includes(':') ? '-6' : '-4';
  const routes = await namespace.ipJson<Route[]>(family, 'route', 'show', address);
  const [best] = routes.sort((left, right) => (left.metric ?? 0) - (right.metric ?? 0));
  return (best?.nexthops?.map(({ dev }) => dev) ?? (best?.dev === undefined ? [] : [best.dev])).sort();
}
