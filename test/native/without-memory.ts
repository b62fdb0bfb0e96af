/**
 * Program: every allocation of the addon fails in turn, for each of its calls; once alone, once with all that follow.
 * Whatever comes of it must be an error with a code, and the same call must work afterwards. Prints how many faults
 * each call had.
 */
import { execFileSync } from 'node:child_process';
import { type KernelChanges, RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { Faults } from './faulty-node.ts';
import { Operation, pack, protocol, route, table } from './route-lab.ts';

const faults = new Faults();
const family = 4;
const filter = { family, table, protocols: [protocol, 71] } as const;
const nexthop = { interfaceIndex: 1, gateway: Uint8Array.of(127, 0, 0, 1), weight: 1, flags: 0 };
const batch = (count: number) =>
  pack(...Array.from({ length: count }, (_, number) => route(Operation.create, family, number, [nexthop])));
const [small, large] = [batch(1), batch(130)];
const socket = new RouteSocket();
let heard: (changes: KernelChanges) => void = () => {};

/** Changes an address, and waits until a monitor is told of it or of a loss. */
const hear = async () => {
  const told = new Promise(resolve => {
    heard = resolve;
  });
  execFileSync('ip', ['addr', 'replace', '10.9.9.9/32', 'dev', 'lo']);
  execFileSync('ip', ['addr', 'del', '10.9.9.9/32', 'dev', 'lo']);
  await told;
};

const calls: Record<string, () => unknown> = {
  open: () => new RouteSocket().close(),
  openElsewhere: () => new RouteSocket({ netns: '/proc/self/ns/net' }).close(),
  small: () => socket.apply(small),
  large: () => socket.apply(large),
  malformed: () => socket.apply(small.slice(1)).then(Promise.reject, () => undefined),
  links: () => socket.links(),
  dump: () => socket.dump(filter),
  parts: () => socket.dumpInParts(filter, () => {}),
  objects: () => socket.nexthopObjects(),
  lookup: () => socket.lookup([Uint8Array.of(127, 0, 0, 1), Uint8Array.of(10, 1, 1, 1)]),
  monitor: () => socket.monitor({ table, protocols: [protocol] }, () => {}).stop(),
  // At once for the table, or by a promise when there is no memory to say so.
  refused: async () => {
    try {
      await socket.dump({ ...filter, table: -1 });
    } catch {}
  },
  close: () => {
    const one = new RouteSocket();
    const work = [one.apply(large), one.apply(large), one.links()];
    return Promise.allSettled([...work, one.close()]);
  },
};

const outcome = async (call: () => unknown) => {
  try {
    await call();
    return 'done';
  } catch (error) {
    const { code, stack } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw new Error(`an error without a code: ${stack}`);
    return code;
  }
};

async function withFaults(name: string, call: () => unknown): Promise<void> {
  const codes: Record<string, number> = {};
  for (const forGood of [false, true]) {
    for (let number = 1; ; number++) {
      faults.failAllocation(number, forGood);
      const code = await outcome(call);
      const failed = faults.end();
      if (failed === 0) break;
      codes[code] = (codes[code] ?? 0) + 1;
      const after = await outcome(call);
      if (after !== 'done') throw new Error(`${name}, after fault ${number}: ${after}`);
    }
  }
  console.log(name, JSON.stringify(codes));
}

for (const [name, call] of Object.entries(calls)) await withFaults(name, call);
const monitor = socket.monitor({ table, protocols: [protocol] }, changes => heard(changes));
await withFaults('heard', hear);
monitor.stop();
await socket.close();
faults.close();
