import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { LogSink } from '../../lib/base/log-sink.ts';
import { eventually } from '../support/lab.ts';
import { makeStalledPipe } from '../support/stalled-pipe.ts';

function folder(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'flock-sink-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** A sink at a file of any kind. */
function sinkAt(t: ExecutionContext, path: string, flags: number, longestQueue = 100): LogSink {
  const fd = openSync(path, flags);
  t.teardown(() => closeSync(fd));
  return new LogSink(fd, { longestQueue, describeDropped: count => `dropped ${count}\n` });
}

const moduleAt = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
const log = moduleAt('../../lib/base/log.ts');
const sink = moduleAt('../../lib/base/log-sink.ts');

/** A program that has `createLog` and `LogSink`, with a socket as its standard error, as systemd gives. */
function programWithSocket(script: string): ChildProcess {
  const program = `import { createLog, droppedLines } from ${log}; import { LogSink } from ${sink};\n${script}`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('lines for a pipe that nobody reads wait, then are dropped; one line says how many', async t => {
  const pipe = makeStalledPipe(t, join(folder(t), 'pipe'));
  const sink = sinkAt(t, pipe.path, constants.O_RDWR);
  for (let line = 0; line < 60; line++) sink.write(`line ${line % 10}___\n`);
  t.is(sink.dropped, 50, 'ten of ten bytes have room');
  let read = pipe.read();
  sink.write('dropped too\n');
  await eventually('the line about the dropped ones', () => {
    read += pipe.read();
    return read.includes('dropped');
  });
  sink.write('after\n');
  const kept = Array.from({ length: 10 }, (_, line) => `line ${line}___`);
  t.deepEqual((read + pipe.read()).split('\n').filter(Boolean), [...kept, 'dropped 51', 'after']);
  t.is(sink.dropped, 51);
});

test('a line longer than the pipe arrives whole and once', async t => {
  const pipe = makeStalledPipe(t, join(folder(t), 'pipe'));
  const sink = sinkAt(t, pipe.path, constants.O_RDWR, 1_000_000);
  const line = 'x'.repeat(200_000);
  sink.write(`${line}\n`);
  let read = '';
  await eventually('the whole line', () => {
    read += pipe.read();
    return read.trim().length === line.length;
  });
  t.is(read.trim(), line);
});

test('a disk that is full drops lines and stops nobody', t => {
  const sink = sinkAt(t, '/dev/full', constants.O_WRONLY);
  for (let line = 0; line < 60; line++) sink.write('0123456789');
  sink.finish(10);
  t.is(sink.dropped, 50);
});

test('a regular file gets every line, behind what it has', t => {
  const path = join(folder(t), 'log');
  const flags = constants.O_CREAT | constants.O_WRONLY;
  const sink = sinkAt(t, path, flags);
  for (let line = 0; line < 60; line++) sink.write('0123456789\n');
  t.is(readFileSync(path, 'utf8').length, 660);
  t.is(sink.dropped, 0);
});

test('a program whose standard error is a socket that nobody reads goes on, and ends', async t => {
  const program = programWithSocket(`
    const log = createLog('info');
    const sink = new LogSink(2, { longestQueue: 300_000, describeDropped: String });
    for (let line = 0; line < 2500; line++) sink.write('x'.repeat(99) + '\\n');
    sink.write('last words\\n');
    sink.finish(100_000);
    process.exit(1);`);
  const said = await text(program.stderr as NodeJS.ReadableStream & AsyncIterable<Buffer>);
  t.true(said.endsWith('last words\n'));
  t.is(said.length, 250_011);
});
