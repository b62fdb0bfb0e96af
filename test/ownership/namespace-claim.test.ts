import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { layOutAgent, startAgent, writeAllocations } from '../support/agent.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';

/** In a user namespace that has one user, nobody can be another one. */
const hasUsers = !/^\s*0\s+\d+\s+1$/m.test(readFileSync('/proc/self/uid_map', 'utf8'));
const userTest = hasUsers ? test : test.skip;

async function agents(t: ExecutionContext) {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  let count = 0;
  const start = (host: Namespace, launcher: string[] = []) => {
    const files = layOutAgent(join(lab.dir, `agent${++count}`));
    writeAllocations(files, []);
    return startAgent(host, files, launcher);
  };
  return { lab, start };
}

test('a second agent in the same network namespace refuses to start and names the first', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host);
  await first.logged('in sync');
  const second = start(host);
  t.is(await second.exit, 1);
  t.deepEqual(second.words, [
    `flock-anycast: flock-anycast run (process ${first.child.pid}) is already running in this network namespace [FLOCK_ALREADY_RUNNING]`,
    '  remedy: stop that program first, or run this one in another network namespace',
  ]);
  t.is(first.child.exitCode, null);
});

test('an agent in another PID namespace is described as such: its process id is not valid here', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host, ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']);
  await first.logged('in sync');
  const second = start(host);
  t.is(await second.exit, 1);
  t.regex(second.words[0] ?? '', /process 1 of another PID namespace\) is already running/);
});

test('an agent in another network namespace is independent', async t => {
  const { lab, start } = await agents(t);
  const [one, other] = [start(await lab.namespace('one')), start(await lab.namespace('other'))];
  await Promise.all([one.logged('in sync'), other.logged('in sync')]);
  t.pass();
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`after ${signal} the next agent can start`, async t => {
    const { lab, start } = await agents(t);
    const host = await lab.namespace('host');
    const first = start(host);
    await first.logged('in sync');
    first.child.kill(signal);
    await first.exit;
    const second = start(host);
    await second.logged('in sync');
    t.is(second.child.exitCode, null);
  });
}

test('an agent is refused also while the holder is stopped (SIGSTOP) and can not answer', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host);
  await first.logged('in sync');
  first.child.kill('SIGSTOP');
  t.teardown(() => first.child.kill('SIGKILL'));
  const stat = `/proc/${first.child.pid}/stat`;
  await eventually('the holder to be stopped', () => / T /.test(readFileSync(stat, 'utf8')));
  // The second one ends although the first is still stopped.
  const second = start(host);
  t.is(await second.exit, 1);
  t.regex(second.words[0] ?? '', /a program that does not identify itself listens on @flock-anycast/);
});

/** A program of user 65534 that listens at the name of the claim, and does `then` with each client. */
async function squat(host: Namespace, then: string, name = 'flock-anycast'): Promise<void> {
  const script = `
    const server = require('node:net').createServer(client => { client.on('error', () => {}); ${then} });
    server.listen('\\0${name}', () => console.log('listening'));`;
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const child = host.spawn('setpriv', [...user, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise(resolve => child.stdout?.once('data', resolve));
}

/** Tries to be a holder by its words. */
const claims = `client.end(JSON.stringify({ claimant: 'run', pid: 1, pidNamespace: 'pid:[1]' }));`;
const streams =
  'const more = () => { while (client.write(Buffer.alloc(1 << 20))); client.once("drain", more) }; more();';

for (const [what, then] of Object.entries({
  'claims to be an agent': claims,
  'streams without end': streams,
})) {
  userTest(
    `a program of an ordinary user that has the name and ${what} stops no agent, nor lets a second one start`,
    async t => {
      const { lab, start } = await agents(t);
      const host = await lab.namespace('host');
      await squat(host, then);
      await squat(host, then, `flock-anycast/${'0'.repeat(32)}`);
      const first = start(host);
      await first.logged('in sync');
      const warning = first.lines.find(({ code }) => code === 'CLAIM_NAME_TAKEN');
      t.regex(
        warning?.event ?? '',
        /without privilege have taken names of the claim: 2 \(the first: user 65534, process \d+/,
      );
      const second = start(host);
      t.is(await second.exit, 1);
      t.regex(
        second.words.at(-2) ?? '',
        new RegExp(`run \\(process ${first.child.pid}\\) is already running`),
      );
      t.is(first.child.exitCode, null);
    },
  );
}

test('a holder of root that streams without end is refused in words, and read to a bound', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const sent = host.spawn(
    process.execPath,
    [
      '-e',
      `let sent = 0;
      const server = require('node:net').createServer(client => {
        client.on('error', () => {});
        const more = () => { while (client.write(Buffer.alloc(65536))) sent += 65536; client.once('drain', more); };
        client.once('close', () => console.log(sent));
        more();
      });
      server.listen('\\0flock-anycast', () => console.log('listening'));`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  sent.stdout?.on('data', data => {
    said += data;
  });
  await eventually('the holder to listen', () => said.includes('listening'));
  const agent = start(host);
  t.is(await agent.exit, 1);
  t.regex(agent.words[0] ?? '', /a program that does not identify itself listens on @flock-anycast/);
  const numbers = await eventually('both connections to be closed', () => {
    const found = said.match(/^\d+$/gm) ?? [];
    return found.length === 2 && found.map(Number);
  });
  t.true(Math.max(...numbers) < 4 << 20, said);
});

test("clients that stay connected to the claim hold none of the agent's descriptors", async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const agent = start(host);
  await agent.logged('in sync');
  const descriptors = () => readdirSync(`/proc/${agent.child.pid}/fd`).length;
  const before = descriptors();
  const clients = host.spawn(
    process.execPath,
    [
      '-e',
      `const { connect } = require('node:net');
      let ended = 0;
      for (let client = 0; client < 200; client++)
        connect({ path: '\\0flock-anycast', allowHalfOpen: true }).resume().on('error', () => {})
          .on('end', () => ++ended === 200 && console.log('all'));`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise(resolve => clients.stdout?.once('data', resolve));
  await eventually('their descriptors to be closed', () => descriptors() <= before + 2);
  t.pass();
});
