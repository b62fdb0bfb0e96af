/**
 * Program: no thread can be made, for the addon alone (argument `faults`), or for the whole program because its address
 * space has no room for another stack (`limit`). Prints what came of each call, then again with threads.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type NativeError, RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { Faults } from './faulty-node.ts';
import { Operation, pack, protocol, route, table } from './route-lab.ts';

const nexthop = { interfaceIndex: 1, weight: 1, flags: 0 };
const routes = (family: 4 | 6, from: number, count: number) =>
  Array.from({ length: count }, (_, number) => route(Operation.replace, family, from + number, [nexthop]));
const filter = { table, protocols: [protocol] };
const socket = new RouteSocket();
const calls: Record<string, () => unknown> = {
  open: () => new RouteSocket({ netns: '/proc/self/ns/net' }).close(),
  links: () => socket.links(),
  dump: () => socket.dump({ family: 4, ...filter }),
  parts: () => socket.dumpInParts({ family: 6, ...filter }, () => {}),
  lookup: () => socket.lookup([Uint8Array.of(127, 0, 0, 1)]),
  objects: () => socket.nexthopObjects(),
  monitor: () => socket.monitor(filter, () => {}).stop(),
  large: () => socket.apply(pack(...routes(4, 0, 200))),
  small: () => socket.apply(pack(...routes(4, 0, 1))),
};

async function callAll(): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      await call();
      outcomes[name] = 'done';
    } catch (error) {
      const { code, syscall } = error as NativeError;
      outcomes[name] = `${code} ${syscall}`;
    }
  }
  return outcomes;
}

/** The stack of a new thread is as large as RLIMIT_STACK was when the program began: 64 MiB, says its caller. */
async function withoutRoom(): Promise<Record<string, string>> {
  const more = spawn('sh', ['-c', `read line; exec prlimit --pid ${process.pid} --as=unlimited`], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]);
  const limit = spawn('prlimit', ['--pid', `${process.pid}`, `--as=${pages * 4096 + 2 ** 25}:`], {
    stdio: 'inherit',
  });
  await once(limit, 'exit');
  const outcomes = await callAll();
  more.stdin.end('\n');
  await once(more, 'exit');
  return outcomes;
}

async function withFaults(): Promise<Record<string, string>> {
  const faults = new Faults();
  faults.failThreads();
  const outcomes = await callAll();
  faults.end();
  faults.close();
  return outcomes;
}

const without = await (process.argv[2] === 'limit' ? withoutRoom() : withFaults());
console.log(JSON.stringify([without, await callAll()]));
await socket.close();
