/** What the system refuses the addon is an error of one call, and never the end of the program. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type NativeError, RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { runFaulty } from './faulty-node.ts';
import { createRouteLab, plainNode, table } from './route-lab.ts';

test('whichever allocation fails, the call has an error with a code, and works again afterwards', async t => {
  const { host } = await createRouteLab(t, 0);
  const output = await runFaulty(host, './without-memory.ts');
  t.log(output);
  t.regex(output, /^lookup .*"ENOMEM"/m);
  t.regex(output, /^heard .*"done"/m);
});

const noThread = 'EAGAIN pthread_create';
const refused = {
  open: noThread,
  links: noThread,
  dump: noThread,
  parts: noThread,
  lookup: noThread,
  objects: noThread,
  monitor: noThread,
  large: noThread,
  // It takes no thread.
  small: 'done',
};
const done = Object.fromEntries(Object.keys(refused).map(call => [call, 'done']));

test('where the addon gets no thread, calls that need one are refused, and work when there are threads', async t => {
  const { host } = await createRouteLab(t, 0);
  t.deepEqual(JSON.parse(await runFaulty(host, './without-threads.ts', 'faults')), [refused, done]);
});

test('so it is where the address space has no room for a thread', async t => {
  const { host } = await createRouteLab(t, 0);
  const program = fileURLToPath(new URL('without-threads.ts', import.meta.url));
  const output = await host.exec('prlimit', `--stack=${2 ** 26}`, ...plainNode, program, 'limit');
  t.deepEqual(JSON.parse(output), [refused, done]);
});

for (const [file, error] of [
  ['socket', { code: 'ENOTSOCK', syscall: 'recv' }],
  ['eventfd', { code: 'EBADF', syscall: 'poll' }],
] as const) {
  test(`a monitor whose ${file} is taken from it says so, and goes on with another`, async t => {
    const { host } = await createRouteLab(t, 0);
    const program = fileURLToPath(new URL('broken-monitor.ts', import.meta.url));
    t.deepEqual(JSON.parse(await host.exec(...plainNode, program, file)), { ...error, overrun: true });
  });
}

test('what an array says of its length takes no memory, and its getters change nothing', async t => {
  const { open } = await createRouteLab(t, 0);
  const socket = open();
  const address = Uint8Array.of(127, 0, 0, 1);
  const error = t.throws<NativeError>(() => void socket.lookup(new Array(2 ** 32 - 1)));
  t.like(error, { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  const growing = [address];
  const get = () => {
    for (let count = 0; count < 1000; count++) growing.push(address);
    return address;
  };
  Object.defineProperty(growing, 0, { get });
  t.is((await socket.lookup(growing)).length, 1);
  const protocols: number[] = [];
  Object.defineProperty(protocols, 0, { get: () => protocols.push(70) && 70 });
  t.is((await socket.dump({ family: 4, table, protocols })).length, 0);
});

test('a FIFO in place of a network namespace is refused at once', async t => {
  const { lab } = await createRouteLab(t, 0);
  const fifo = join(lab.dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  t.like(
    t.throws<NativeError>(() => new RouteSocket({ netns: fifo })),
    { code: 'EINVAL', syscall: 'setns' },
  );
});
