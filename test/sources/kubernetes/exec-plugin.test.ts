/** Credential plugins: real programs, and a clock moved by hand for the pauses between their runs. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ExecPlugin, type ExecPluginOptions } from '../../../lib/sources/kubernetes/exec-plugin.ts';
import { eventually } from '../../support/lab.ts';

const apiVersion = 'client.authentication.k8s.io/v1';
const never = new AbortController().signal;

/** A script as a plugin; in its folder it finds itself, and notes each run in `runs`. */
function pluginOf(t: ExecutionContext, script: string, options: Partial<ExecPluginOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'flock-exec-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const command = join(dir, 'plugin');
  writeFileSync(join(dir, 'runs'), '');
  writeFileSync(command, `#!/bin/sh\ncd ${dir}\necho $$ >>runs\n${script}\n`);
  chmodSync(command, 0o755);
  const clock = { now: 0 };
  const exec = { command, apiVersion, ...options.exec } as const;
  const plugin = new ExecPlugin({ now: () => clock.now, ...options, exec });
  t.teardown(() => plugin.end());
  const runs = () => readFileSync(join(dir, 'runs'), 'utf8').split('\n').filter(Boolean).map(Number);
  return { plugin, clock, runs, dir };
}

const giving = (status: object) => `echo '${JSON.stringify({ kind: 'ExecCredential', apiVersion, status })}'`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended and that nobody has waited for yet is dead too.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

test('what a plugin gives without an end is used until the server refuses it, and then asked for again', async t => {
  const { plugin, runs } = pluginOf(t, giving({ token: 'x' }));
  const first = await plugin.credential(never);
  t.is(first.token, 'x');
  plugin.accepted(first);
  t.is(await plugin.credential(never), first);
  t.is(runs().length, 1);
});

test('runs whose credentials are refused are spaced by pauses that grow, and the credential is tried meanwhile', async t => {
  const { plugin, clock, runs } = pluginOf(t, giving({ token: 'x' }));
  const refuse = async () => {
    const credential = await plugin.credential(never);
    plugin.refused(credential);
    return credential;
  };
  let before = await refuse();
  for (const pauseMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
    const count = runs().length;
    clock.now += pauseMs - 1;
    t.is(await refuse(), before, 'the pause is not over');
    t.is(runs().length, count);
    clock.now += 1;
    const after = await refuse();
    t.not(after, before);
    t.is(runs().length, count + 1);
    before = after;
  }
  // Accepted: the next refusal is of something that was good.
  clock.now += 60_000;
  const good = await plugin.credential(never);
  plugin.accepted(good);
  clock.now += 1000;
  plugin.refused(good);
  t.not(await plugin.credential(never), good);
});

test('an expired credential is asked for again', async t => {
  const { plugin, clock, runs } = pluginOf(
    t,
    giving({ token: 'x', expirationTimestamp: '2020-01-01T00:00:00Z' }),
  );
  const first = await plugin.credential(never);
  plugin.accepted(first);
  t.is(
    await plugin.credential(never),
    first,
    'by a wrong clock each of them has expired, and a run has its pause',
  );
  clock.now += 1000;
  await plugin.credential(never);
  t.is(runs().length, 2);
});

test('one run serves all who wait, is ended by the time-out with its children, and is not begun again at once', async t => {
  const { plugin, clock, runs, dir } = pluginOf(t, 'sleep 1000 & echo $! >>runs; wait', { timeoutMs: 1000 });
  const failure = () =>
    t.throwsAsync<Error>(plugin.credential(never), { message: /has not answered within/ });
  const failures = await Promise.all(Array.from({ length: 10 }, failure));
  const first = failures[0] as Error;
  t.like(first, { code: 'FLOCK_CREDENTIALS_UNAVAILABLE' });
  t.true(first.message.includes(join(dir, 'plugin')));
  for (const each of failures) t.is(each, first, 'of the same run');
  // The script and its sleep, if they came so far.
  t.true(runs().length <= 2);
  await eventually('their end', () => !runs().some(isAlive));
  t.is(await failure(), first);
  clock.now += 1000;
  t.not(await failure(), first);
});

test('a run is ended when nobody waits for it any more, and not before', async t => {
  const { plugin, runs } = pluginOf(t, 'exec sleep 1000');
  const stops = [new AbortController(), new AbortController()];
  const waiting = stops.map(({ signal }) => plugin.credential(signal));
  const settled = Promise.allSettled(waiting);
  await eventually('the run', () => runs().length === 1);
  stops[0]?.abort();
  await t.throwsAsync(waiting[0] as Promise<unknown>, { name: 'AbortError' });
  t.true(isAlive(runs()[0] as number));
  stops[1]?.abort();
  await settled;
  await eventually('its end', () => !isAlive(runs()[0] as number));
});

for (const [what, script, words] of [
  ['fails', 'echo no login >&2; exit 3', /exit code 3: no login$/],
  ['fails with many words', 'head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1', /exit code 1: x{500}$/],
  ['never ends what it says', 'cat /dev/zero', /says more than 1048576 characters/],
  ['says no JSON', 'echo hello', /is not JSON/],
  ['gives nothing', giving({}), /neither a token nor a certificate/],
  ['gives a certificate alone', giving({ clientCertificateData: 'x' }), /a certificate or a key alone/],
  [
    'gives an end that is no time',
    giving({ token: 'x', expirationTimestamp: 'soon' }),
    /expirationTimestamp is not a time/,
  ],
  ['answers in another version', `echo '{"apiVersion":"v9","status":{"token":"x"}}'`, /answers in v9/],
] as const) {
  test(`a plugin that ${what} is an error with a remedy about it`, async t => {
    const { plugin } = pluginOf(t, script);
    const error = await t.throwsAsync<Error & { remedy: string }>(plugin.credential(never), {
      code: 'FLOCK_CREDENTIALS_UNAVAILABLE',
      message: words,
    });
    t.regex(error.remedy, /^run \S+plugin by hand on this node/);
    t.true(error.message.length < 800);
  });
}

test('a plugin that is not there is an error with the hint of the kubeconfig', async t => {
  const exec = { command: 'flock-no-such-plugin', apiVersion, installHint: 'apt install it' } as const;
  const error = await t.throwsAsync<Error & { remedy: string }>(new ExecPlugin({ exec }).credential(never), {
    code: 'FLOCK_CREDENTIALS_UNAVAILABLE',
    message: /ENOENT/,
  });
  t.is(error.remedy, 'install flock-no-such-plugin, or name it by its path: apt install it');
});
