/** Every event of a node, each as a change of the model and as the same change of the real system. */
import fc from 'fast-check';
import type { System } from './system.ts';
import { type Destination, destinations, familyOf, podCount, type World } from './world.ts';

/** One step: gives false when it makes no sense now, and then nothing was done. */
export interface Step {
  kind: string;
  /**
   * Happens while all is quiet. The kernel has no compare-and-replace: a route put over ours in the very moment
   * (some 0.1 ms) when we replace it is replaced, whoever's it is.
   */
  alone: boolean;
  run(world: World, system: System): Promise<boolean>;
}

type Act = (world: World, system: System) => Promise<unknown>;

/** @param sensible whether the step can happen now */
function step(
  kind: string,
  sensible: (world: World) => boolean,
  act: Act,
  label = kind,
): Step & { toString(): string } {
  return {
    kind,
    alone: kind === 'conflict put over ours',
    toString: () => label,
    async run(world, system) {
      if (!sensible(world)) return false;
      await act(world, system);
      return true;
    },
  };
}

const always = () => true;
const podOf = (world: World, pod: number) => world.pods[pod] as World['pods'][number];

const podSteps: Record<string, (pod: number) => [sensible: (world: World) => boolean, act: Act]> = {
  'pod created': pod => [
    world => podOf(world, pod).uid === undefined,
    async (world, system) => {
      Object.assign(podOf(world, pod), { uid: `u${world.nextUid++}`, ready: false, terminating: false });
      system.tellPod(world, pod);
    },
  ],
  'pod turns': pod => [
    world => podOf(world, pod).uid !== undefined,
    async (world, system) => {
      const its = podOf(world, pod);
      its.ready = !its.ready;
      system.tellPod(world, pod);
    },
  ],
  'pod terminates': pod => [
    world => podOf(world, pod).uid !== undefined && !podOf(world, pod).terminating,
    async (world, system) => {
      podOf(world, pod).terminating = true;
      system.tellPod(world, pod);
    },
  ],
  'pod goes': pod => [
    world => podOf(world, pod).uid !== undefined,
    async (world, system) => {
      podOf(world, pod).uid = undefined;
      system.tellPod(world, pod);
    },
  ],
  'allocation released': pod => [
    world => podOf(world, pod).allocation !== undefined,
    async (world, system) => {
      podOf(world, pod).allocation = undefined;
      system.tellAllocation(world, pod);
    },
  ],
  'link deleted': pod => [
    world => podOf(world, pod).link !== 'absent',
    async (world, system) => {
      podOf(world, pod).link = 'absent';
      await system.lab.node.ip('link', 'delete', `p${pod}`);
    },
  ],
  'link added': pod => [
    world => podOf(world, pod).link === 'absent',
    async (world, system) => {
      Object.assign(podOf(world, pod), { link: 'up', address: true });
      await system.lab.addPod(pod);
    },
  ],
  'link down': pod => [
    world => podOf(world, pod).link === 'up',
    async (world, system) => {
      podOf(world, pod).link = 'down';
      await system.lab.node.ip('link', 'set', `p${pod}`, 'down');
    },
  ],
  'link up': pod => [
    world => podOf(world, pod).link === 'down',
    async (world, system) => {
      podOf(world, pod).link = 'up';
      // IPv6 addresses went when it was set down (net.ipv6.conf.*.keep_addr_on_down).
      await system.lab.node.configure(`p${pod}`, `fd00:1:${pod + 1}::1/64`);
    },
  ],
  'address removed': pod => [
    world => podOf(world, pod).link !== 'absent' && podOf(world, pod).address,
    async (world, system) => {
      podOf(world, pod).address = false;
      await system.lab.node.ip('addr', 'del', `10.1.${pod + 1}.1/24`, 'dev', `p${pod}`);
    },
  ],
  'address added': pod => [
    world => podOf(world, pod).link !== 'absent' && !podOf(world, pod).address,
    async (world, system) => {
      podOf(world, pod).address = true;
      await system.lab.node.ip('addr', 'add', `10.1.${pod + 1}.1/24`, 'dev', `p${pod}`);
    },
  ],
};

/** The uplink, which no step changes, so that other owners' routes stay. */
const uplink = (destination: string) => (familyOf(destination) === 4 ? '10.1.100.2' : 'fd00:1:100::2');
const key = (destination: string) => [destination, 'metric', '16'];

const destinationSteps: Record<
  string,
  (destination: Destination) => [sensible: (world: World) => boolean, act: Act]
> = {
  'conflict put over ours': destination => [
    world => !world.conflicts.has(destination),
    async (world, { lab }) => {
      world.conflicts.add(destination);
      await lab.node.ip('route', 'replace', ...key(destination), 'via', uplink(destination), 'proto', '99');
    },
  ],
  'conflict goes': destination => [
    world => world.conflicts.has(destination),
    async (world, { lab }) => {
      world.conflicts.delete(destination);
      await lab.node.ip('route', 'del', ...key(destination), 'proto', '99');
    },
  ],
  'ours deleted by others': destination => [
    always,
    async (_, { lab }) =>
      lab.node.ip('route', 'del', ...key(destination), 'proto', '70').catch(() => undefined),
  ],
  'foreign route comes': destination => [
    world => !world.foreign.has(destination),
    async (world, { lab }) => {
      world.foreign.add(destination);
      const route = [destination, 'via', uplink(destination), 'metric', '900', 'proto', '98'];
      await lab.node.ip('route', 'add', ...route);
    },
  ],
  'foreign route goes': destination => [
    world => world.foreign.has(destination),
    async (world, { lab }) => {
      world.foreign.delete(destination);
      await lab.node.ip('route', 'del', destination, 'metric', '900', 'proto', '98');
    },
  ],
};

const wholeSteps: Record<string, Act> = {
  'agent killed': (_, system) => system.restartAgent(),
  'monitor overrun': (_, system) => system.overrun(),
  'BIRD restarted': (_, system) => system.restartBird(),
};

const pod = fc.integer({ min: 0, max: podCount - 1 });
const destination = fc.constantFrom(...destinations);

const allocation = fc.tuple(pod, fc.subarray([...destinations], { minLength: 1 })).map(([index, wanted]) =>
  step(
    'allocation committed',
    always,
    async (world, system) => {
      const its = podOf(world, index);
      // Mostly for the pod that is there, sometimes for one that is to come.
      its.allocation = { uid: its.uid ?? `u${world.nextUid}`, destinations: wanted };
      system.tellAllocation(world, index);
    },
    `allocation committed ${index} ${wanted}`,
  ),
);

export const kinds = [
  ...Object.keys(podSteps),
  ...Object.keys(destinationSteps),
  ...Object.keys(wholeSteps),
  'allocation committed',
];

/** Steps that restore something are drawn twice as often as steps that remove it, because they are possible less often. */
const coming = new Set([
  'pod created',
  'pod turns',
  'link added',
  'link up',
  'address added',
  'conflict goes',
  'foreign route goes',
]);

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: allocation },
  ...Object.entries(podSteps).map(([kind, make]) => ({
    weight: coming.has(kind) ? 6 : 3,
    arbitrary: pod.map(index => step(kind, ...make(index), `${kind} ${index}`)),
  })),
  ...Object.entries(destinationSteps).map(([kind, make]) => ({
    weight: coming.has(kind) ? 6 : 2,
    arbitrary: destination.map(its => step(kind, ...make(its), `${kind} ${its}`)),
  })),
  ...Object.entries(wholeSteps).map(([kind, act]) => ({
    weight: 1,
    arbitrary: fc.constant(step(kind, always, act)),
  })),
);
