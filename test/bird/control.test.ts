import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FlockError } from '../../lib/base/errors.ts';
import { BirdControl, nothingListens } from '../../lib/bird/control.ts';
import { ReplyReader } from '../../lib/bird/reply.ts';
import { birdProgram, birdVersion, startBird } from '../support/bird.ts';
import { Lab } from '../support/lab.ts';

const greeting = '0001 BIRD 2.0.12 ready.\n';

/** A server that is not BIRD; `answer` handles each connection. */
async function impostor(t: ExecutionContext, answer: (socket: Socket) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'flock-control-'));
  const path = join(folder, 'ctl');
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    answer(socket);
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return path;
}

function onCommand(socket: Socket, reply: (line: string) => string | undefined): void {
  socket.write(greeting);
  socket.on('data', chunk => {
    const text = reply(String(chunk));
    if (text !== undefined) socket.write(text);
  });
}

test.serial(
  'a real BIRD gets one command at a time; its replies are complete, and its refusals are errors',
  async t => {
    const lab = await Lab.create();
    t.teardown(() => lab.destroy());
    const host = await lab.namespace('host');
    const bird = await startBird(host, {
      name: 'one',
      config: 'router id 192.0.2.1;\nprotocol device { }\n',
    });
    const control = await BirdControl.open(bird.socketPath);
    t.teardown(() => control.close());
    t.is(control.version, birdVersion());
    const [status, symbols, configured] = await Promise.all([
      control.command('show status'),
      control.command('show symbols'),
      control.command('configure'),
    ]);
    t.true(status?.lines.some(({ code, text }) => code === 1011 && text === 'Router ID is 192.0.2.1'));
    t.true(status?.lines.some(({ code, text }) => code === 1011 && text.startsWith('Hostname is ')));
    t.deepEqual(status?.lines.at(-1), { code: 13, text: 'Daemon is up and running' });
    t.true(symbols?.lines.some(({ text }) => text.startsWith('master4')));
    t.deepEqual(configured?.lines.at(-1), { code: 3, text: 'Reconfigured' });
    t.deepEqual((await control.command('configure status')).lines, [
      { code: 3, text: 'Daemon is up and running' },
    ]);
    const refused = await t.throwsAsync(control.command('fly away'), { instanceOf: FlockError });
    t.is(refused.code, 'FLOCK_BIRD_REFUSED');
    t.regex(refused.message, /9001 syntax error/);
    const missing = await t.throwsAsync(control.command('configure check "/nowhere.conf"'), {
      instanceOf: FlockError,
    });
    t.regex(missing.message, /8002 \/nowhere\.conf: No such file/);
    const smuggled = await t.throwsAsync(control.command('show status\ndown'), { instanceOf: FlockError });
    t.is(smuggled.code, 'FLOCK_BIRD_REFUSED');
    t.true(control.connected, 'a refusal does not end the connection');
    t.true(bird.running);
    await bird.kill();
    const gone = await t.throwsAsync(control.command('show status'), { instanceOf: FlockError });
    t.is(gone.code, 'FLOCK_BIRD_UNREACHABLE');
    t.false(control.connected);
    t.true(nothingListens(await t.throwsAsync(BirdControl.open(bird.socketPath))));
  },
);

test.serial(
  'a missing socket, and a file that is no socket, mean that BIRD does not run; a BIRD that hangs does run',
  async t => {
    const error = await t.throwsAsync(BirdControl.open('/nonexistent/bird.ctl'), { instanceOf: FlockError });
    t.is(error.code, 'FLOCK_BIRD_UNREACHABLE');
    t.true(nothingListens(error));
    const folder = mkdtempSync(join(tmpdir(), 'flock-control-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'plain'), '');
    t.true(nothingListens(await t.throwsAsync(BirdControl.open(join(folder, 'plain')))));
    const path = await impostor(t, () => undefined);
    const silent = await t.throwsAsync(BirdControl.open(path, { timeoutMs: 50 }), { instanceOf: FlockError });
    t.regex(silent.message, /no answer to the greeting within 50 ms/);
    t.false(nothingListens(silent));
  },
);

test.serial('a reply that arrives in several chunks, down to single bytes, is read whole', async t => {
  const path = await impostor(t, socket =>
    onCommand(socket, () => {
      for (const byte of '1000-a\n b\n1011-c\n0000 \n') socket.write(byte);
      return undefined;
    }),
  );
  const control = await BirdControl.open(path);
  t.teardown(() => control.close());
  t.deepEqual((await control.command('show')).lines, [
    { code: 1000, text: 'a' },
    { code: 1000, text: 'b' },
    { code: 1011, text: 'c' },
  ]);
  const bytes = new ReplyReader();
  const replies = [...'0003 \n0000 \n'].flatMap(byte => bytes.push(byte));
  t.deepEqual(
    replies.map(({ lines }) => lines),
    [[{ code: 3, text: '' }], [{ code: 0, text: '' }]],
  );
});

for (const [what, answer] of Object.entries({
  'a line that is no reply': 'HTTP/1.1 400 Bad Request\r\n\r\n',
  'a continuation of nothing': ' lost\n',
  'a code of five digits': '00003 Reconfigured\n',
  'bytes that are no text': '\u0000\uffff\ud800\n',
  'a reply without a command': '0003 Reconfigured\n0003 Reconfigured\n',
})) {
  test.serial(`invalid input ends the connection and is in the error: ${what}`, async t => {
    const path = await impostor(t, socket => onCommand(socket, () => answer));
    const control = await BirdControl.open(path, { timeoutMs: 10_000 });
    const first = control.command('configure').catch((error: unknown) => error);
    const second = control.command('configure').catch((error: unknown) => error);
    await first;
    const error = await second;
    t.true(error instanceof FlockError);
    t.is((error as FlockError).code, 'FLOCK_BIRD_UNREACHABLE');
    t.regex((error as FlockError).message, /not a reply from BIRD|a reply without a command/);
    t.false(control.connected);
  });
}

test.serial('a reply that arrived while our event loop was blocked is no timeout', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const host = await lab.namespace('host');
  const bird = await startBird(host, { name: 'one', config: 'router id 192.0.2.1;\nprotocol device { }\n' });
  const timeoutMs = 3000;
  const control = await BirdControl.open(bird.socketPath, { timeoutMs });
  t.teardown(() => control.close());
  const status = control.command('show status');
  await new Promise(resolve => setImmediate(resolve));
  const until = performance.now() + timeoutMs + 300;
  // BIRD has answered us when it has answered whoever came later.
  execFileSync(birdProgram('birdc'), ['-s', bird.socketPath, 'show status']);
  while (performance.now() < until);
  t.is((await status).lines.at(-1)?.code, 13);
});

test.serial(
  'an incomplete reply is a timeout, or an error when the connection ends; it never answers a later command',
  async t => {
    const path = await impostor(t, socket => onCommand(socket, () => '0002-Reading conf'));
    const control = await BirdControl.open(path, { timeoutMs: 500 });
    await t.throwsAsync(control.command('configure'), { message: /no answer to configure within 500 ms/ });
    await t.throwsAsync(control.command('configure'), { message: /no answer to configure/ });
    const ending = await impostor(t, socket =>
      onCommand(socket, () => {
        socket.end('0002-Reading conf');
        return undefined;
      }),
    );
    const other = await BirdControl.open(ending);
    await t.throwsAsync(other.command('configure'), { message: /closed the connection/ });
  },
);

test.serial('what is no greeting, and a reply that does not end, are not from BIRD', async t => {
  const path = await impostor(t, socket => socket.write('0013 Daemon is up and running\n'));
  await t.throwsAsync(BirdControl.open(path), {
    message: /sent "0013 Daemon is up and running" instead of a greeting/,
  });
  t.throws(() => new ReplyReader().push('x'.repeat(1 << 17)), { message: /does not end/ });
  const lines = ` ${'x'.repeat(1000)}\n`.repeat(1000);
  const reader = new ReplyReader();
  reader.push('1000-a\n');
  t.throws(
    () => {
      for (let megabytes = 0; megabytes < 70; megabytes++) reader.push(lines);
    },
    { message: /does not end/ },
  );
});

test.serial('a reply of tens of thousands of lines arrives whole', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const host = await lab.namespace('host');
  const routes = Array.from(
    { length: 30_000 },
    (_, at) => `route 10.${at >> 8}.${at & 255}.1/32 unreachable;`,
  );
  const bird = await startBird(host, {
    name: 'many',
    config: `router id 192.0.2.1;\nprotocol device { }\nprotocol static { ipv4; ${routes.join('\n')} }\n`,
  });
  const control = await BirdControl.open(bird.socketPath);
  t.teardown(() => control.close());
  const { lines } = await control.command('show route');
  t.is(lines.filter(({ text }) => text.includes('/32')).length, 30_000);
});
