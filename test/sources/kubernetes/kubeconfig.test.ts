/** Which files a kubeconfig is read from, and what follows when they change. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { FlockError } from '../../../lib/base/errors.ts';
import { readKubeconfig } from '../../../lib/sources/kubernetes/kubeconfig.ts';
import { loadKubernetesServer } from '../../../lib/sources/kubernetes/kubernetes-config.ts';
import { certificate, kubeconfig, kubeconfigFolder, type Parts } from '../../support/kubeconfigs.ts';

const { at, write } = kubeconfigFolder(test);
writeFileSync(at('d.crt'), certificate.cert);
const never = new AbortController().signal;

test('of several files the first that has a name wins, a missing one is passed over, and paths are relative to their own', t => {
  for (const folder of ['one', 'two']) mkdirSync(at(folder));
  const first = at('one/config');
  const second = at('two/config');
  writeFileSync(
    first,
    JSON.stringify({ users: [{ name: 'u', user: { tokenFile: 'token' } }], 'current-context': 'x' }),
  );
  const { users, ...rest } = kubeconfig({
    cluster: { 'certificate-authority': 'ca' },
    config: { 'current-context': 'y' },
  });
  writeFileSync(second, JSON.stringify({ ...rest, users: [{ name: 'u', user: { token: 't', as: 'eve' } }] }));
  const { cluster, user } = readKubeconfig([first, at('missing'), second]);
  t.like(cluster, { server: 'https://h:6443', caFile: at('two/ca') });
  t.like(user, {
    authProvider: { config: { tokenFile: at('one/token') } },
    token: undefined,
    impersonateUser: undefined,
  });
});

test.serial('without a path the files of $KUBECONFIG are read', async t => {
  const users = write({ users: [{ name: 'u', user: { token: 'mine' } }] });
  const before = process.env.KUBECONFIG;
  process.env.KUBECONFIG = `${users}:${write(kubeconfig({}))}:`;
  t.teardown(() => {
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
  });
  const { headers } = await loadKubernetesServer().access(never);
  t.deepEqual(headers, { Authorization: 'Bearer mine' });
});

/** A kubeconfig that is replaced in place, and what requests are sent with. */
function replaceable(t: ExecutionContext, parts: Parts) {
  const path = write(kubeconfig(parts));
  const server = loadKubernetesServer(path);
  t.is(loadKubernetesServer(path), server, 'one for all that follow the cluster');
  return { server, replace: (text: string) => writeFileSync(path, text), ask: () => server.access(never) };
}

test('a kubeconfig that is replaced is in force for the next request, its server too', async t => {
  const { server, replace, ask } = replaceable(t, { user: { token: 'old' } });
  t.is((await ask()).headers.Authorization, 'Bearer old');
  const signature = server.signature();
  replace(JSON.stringify(kubeconfig({ cluster: { server: 'https://other:1' }, user: { token: 'renewed' } })));
  t.not(server.signature(), signature);
  const { headers, url } = await ask();
  t.is(headers.Authorization, 'Bearer renewed');
  t.is(url.href, 'https://other:1/');
  t.is(server.url.href, 'https://other:1/');
});

test('a kubeconfig that is replaced by what can not be used stays in force until the server refuses it', async t => {
  const { server, replace, ask } = replaceable(t, { user: { token: 'old' } });
  replace('{"users": [');
  const access = await ask();
  t.is(access.headers.Authorization, 'Bearer old');
  server.refused(access);
  await t.throwsAsync(ask(), { code: 'FLOCK_CONFIG_INVALID', message: /^kubeconfig / });
  replace(JSON.stringify(kubeconfig({ user: { token: 'renewed' } })));
  t.is((await ask()).headers.Authorization, 'Bearer renewed');
});

test('a token file is read again when the server refuses the token; one that is gone is an error about it', async t => {
  writeFileSync(at('b.token'), 'one');
  const { server, ask } = replaceable(t, { user: { tokenFile: 'b.token' } });
  rmSync(at('b.token'));
  const access = await ask();
  t.is(access.headers.Authorization, 'Bearer one');
  server.refused(access);
  await t.throwsAsync(ask(), { code: 'FLOCK_CREDENTIALS_UNAVAILABLE', message: /ENOENT.*b\.token/ });
  writeFileSync(at('b.token'), 'two');
  t.is((await ask()).headers.Authorization, 'Bearer two');
});

test('a certificate that becomes a FIFO is an error about that file, and keeps nobody waiting', async t => {
  const { ask } = replaceable(t, { cluster: { 'certificate-authority': 'd.crt' } });
  rmSync(at('d.crt'));
  execFileSync('mkfifo', [at('d.crt')]);
  await t.throwsAsync(ask(), { code: 'FLOCK_CREDENTIALS_UNAVAILABLE', message: /d\.crt is a FIFO/ });
});

test('what is wrong with the syntax of a kubeconfig is told without its lines, where the token may be', t => {
  const path = at('broken');
  writeFileSync(path, 'users: [{ name: u, user: { token: not-to-be-logged }\n');
  const error = t.throws<FlockError>(() => loadKubernetesServer(path), { code: 'FLOCK_CONFIG_INVALID' });
  t.regex(error.message, /broken: .* at line \d/);
  t.notRegex(error.message, /not-to-be-logged/);
});

test('a kubeconfig whose folder can not be read any more stays in force', async t => {
  mkdirSync(at('folder'));
  const path = at('folder/config');
  writeFileSync(path, JSON.stringify(kubeconfig({ user: { token: 'x' } })));
  const server = loadKubernetesServer(path);
  rmSync(at('folder'), { recursive: true });
  // A loop of links: an error that is no missing file.
  symlinkSync(at('folder'), at('folder'));
  t.is((await server.access(never)).headers.Authorization, 'Bearer x');
  t.regex(server.signature(), /ELOOP/);
});
