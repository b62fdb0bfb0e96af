/** Credential plugins: real programs, and a clock moved by hand for the pauses between their runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { ExecPlugin, type ExecPluginOptions } from '../../../lib/sources/kubernetes/exec-plugin.ts';
import { KubernetesPods } from '../../../lib/sources/kubernetes/kubernetes-pods.ts';
import { PodCache } from '../../../lib/sources/pods/pod-cache.ts';
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

/** A kubeconfig beside its plugin, named by a relative path. */
function kubeconfigOf(t: ExecutionContext, script: string | undefined) {
  const { dir, runs } = pluginOf(t, script ?? '');
  const kubeconfig = join(dir, 'kubeconfig');
  const command = script === undefined ? './missing' : './plugin';
  const user = { exec: { command, apiVersion } };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user }],
    }),
  );
  return { kubeconfig, runs, dir };
}

test('all that follow one cluster wait for one run of its plugin, and it ends with the last of them', async t => {
  const { kubeconfig, runs } = kubeconfigOf(t, 'exec sleep 1000');
  const log = pino({ level: 'silent' });
  const timing = { firstPauseMs: 10, longestPauseMs: 10, answerMs: 10, wholeMs: 10 };
  const sources = ['node-a', 'node-b', 'node-c'].map(
    nodeName => new KubernetesPods({ nodeName, kubeconfig, cache: new PodCache(), log, timing }),
  );
  for (const source of sources) await source.start();
  await eventually('the run', () => runs().length > 0);
  // Many times as long as a request may take.
  await new Promise(resolve => setTimeout(resolve, 200));
  t.is(runs().length, 1);
  for (const source of sources) source.stop();
  await eventually('its end', () => !runs().some(isAlive));
});

test('a plugin that runs ends with the program', async t => {
  const { kubeconfig, runs } = kubeconfigOf(t, 'sleep 1000 & echo $! >>runs; wait');
  const module = new URL('../../../lib/sources/kubernetes/kubernetes-config.ts', import.meta.url).href;
  const program = `
    import { loadKubernetesServer } from '${module}';
    process.on('SIGTERM', () => process.exit());
    await loadKubernetesServer('${kubeconfig}').access(new AbortController().signal);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  t.teardown(() => child.kill('SIGKILL'));
  await eventually('the run', () => runs().length === 2);
  child.kill('SIGTERM');
  await once(child, 'exit');
  await eventually('its end', () => !runs().some(isAlive));
  t.pass();
});

test('a plugin that is missing beside its kubeconfig is named by its whole path, with a remedy about it', async t => {
  const { kubeconfig, dir } = kubeconfigOf(t, undefined);
  const lines: { event: string; code: string; remedy: string }[] = [];
  const sink: DestinationStream = { write: line => void lines.push(JSON.parse(line)) };
  const log = pino({ messageKey: 'event' }, sink);
  const pods = new KubernetesPods({ nodeName: 'node-a', kubeconfig, cache: new PodCache(), log });
  t.teardown(() => pods.stop());
  await pods.start();
  const { code, event, remedy } = await eventually('the warning', () => lines[0]);
  t.is(code, 'FLOCK_CREDENTIALS_UNAVAILABLE');
  t.true(event.includes(`the exec plugin ${dir}/missing: `), event);
  t.is(remedy, `install ${dir}/missing, or name it by its path`);
});

test('a plugin that fails with other words each time is told once', async t => {
  const { kubeconfig, runs } = kubeconfigOf(t, 'echo $$ >&2; exit 1');
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const timing = { firstPauseMs: 10, longestPauseMs: 10 };
  const pods = new KubernetesPods({ nodeName: 'node-a', kubeconfig, cache: new PodCache(), log, timing });
  t.teardown(() => pods.stop());
  await pods.start();
  await eventually('a third run', () => runs().length === 3);
  t.is(lines.filter(line => line.includes('exit code 1')).length, 1);
});
