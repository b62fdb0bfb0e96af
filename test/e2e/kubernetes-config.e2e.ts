/** How an agent proves to a real kube-apiserver who it is. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { createLog } from '../../lib/base/log.ts';
import { KubernetesClient } from '../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';
import { followNode, type Line } from '../support/followed-node.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test);
const source = (path: string) => new URL(`../../lib/sources/${path}.ts`, import.meta.url).href;
let server: KubeApiServer;

test.before(async t => {
  server = await start(t);
});

test.serial(
  'a service account may follow pods once it may list and watch them, and is told so until then',
  async t => {
    const token = await server.serviceAccountToken('default', 'agent');
    const kubeconfig = join(dir, 'service-account');
    writeFileSync(kubeconfig, server.kubeconfig(token));
    const lines: Line[] = [];
    const granted = followNode(t, { kubeconfig, timing: { longestPauseMs: 500 }, lines });
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await server.request('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'pods' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }],
    });
    await eventually('the refusal', () => lines.some(({ event }) => /403/.test(event)));
    await server.request('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: 'pods' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'pods' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 'agent' }],
    });
    const { warnings, cache } = await granted;
    t.true(cache.synced);
    t.is(warnings().length, 1);
    t.regex(warnings()[0] ?? '', /403: pods is forbidden/);
  },
);

for (const [how, user] of Object.entries({
  'a token file': (path: string) => ({ tokenFile: path }),
  'a program': (path: string) => ({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sed',
      args: ['s/.*/{"status":{"token":"&"}}/', path],
    },
  }),
})) {
  test.serial(`${how} gives the credentials as well as a token in the kubeconfig`, async t => {
    const token = join(dir, 'admin-token');
    writeFileSync(token, `${server.token}\n`);
    const kubeconfig = join(dir, 'kubeconfig-other-user');
    const text = JSON.parse(server.kubeconfig(server.token));
    writeFileSync(kubeconfig, JSON.stringify({ ...text, users: [{ name: 'test', user: user(token) }] }));
    const { cache } = await followNode(t, { kubeconfig });
    t.true(cache.synced);
  });
}

test.serial('in a pod, its own service account is used', async t => {
  const account = join(dir, 'account');
  mkdirSync(account);
  writeFileSync(join(account, 'token'), server.token);
  copyFileSync(server.caPath, join(account, 'ca.crt'));
  const program = `
    import { KubernetesPods } from '${source('kubernetes/kubernetes-pods')}';
    import { PodCache } from '${source('pods/pod-cache')}';
    const log = { info: console.log, warn: console.log };
    const cache = new PodCache();
    const pods = new KubernetesPods({ nodeName: 'node-in-pod', cache, log });
    cache.onChange(() => { console.log('synced'); pods.stop(); });
    await pods.start();`;
  // What Kubernetes mounts, in a mount namespace where it hides nothing of the machine's.
  const folder = '/run/secrets/kubernetes.io/serviceaccount';
  const mounted = `mount -t tmpfs tmpfs /run && mkdir -p ${folder} && cp "$1"/* ${folder} && exec "$2" --input-type=module -e "$3"`;
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--mount', 'sh', '-c', mounted, 'sh', account, process.execPath, program],
    {
      env: {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: new URL(server.url).port,
        PATH: process.env.PATH,
      },
    },
  );
  t.is(stdout, 'synced\n');
});

/** A service account that may follow pods, so that its token can be revoked: by deleting the account. */
async function revocableToken(name: string) {
  const token = await server.serviceAccountToken('default', name);
  await server.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'default', name }],
  });
  const revoke = () => server.request('DELETE', `/api/v1/namespaces/default/serviceaccounts/${name}`);
  return { token, revoke };
}

const asUser = (user: object) =>
  JSON.stringify({ ...JSON.parse(server.kubeconfig('')), users: [{ name: 'test', user }] });

test('a plugin whose token is revoked is run again, by its path beside the kubeconfig', async t => {
  const { token, revoke } = await revocableToken('plugged');
  const folder = join(dir, 'plugin');
  mkdirSync(folder);
  writeFileSync(join(folder, 'token'), token);
  // It gives no end of the token.
  const script = `#!/bin/sh\ncd ${folder}\necho run >>runs\nsed 's/.*/{"status":{"token":"&"}}/' token\n`;
  writeFileSync(join(folder, 'get-token'), script, { mode: 0o755 });
  const kubeconfig = join(folder, 'kubeconfig');
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './get-token' };
  writeFileSync(kubeconfig, asUser({ exec }));
  const followed = await followNode(t, { kubeconfig, timing: { watchSeconds: 1, longestPauseMs: 200 } });
  await revoke();
  await eventually('the refusal', () => followed.warnings().some(event => /401/.test(event)));
  writeFileSync(join(folder, 'token'), server.token);
  await server.createPod(followed.node, 'after-revocation');
  await eventually('a pod', () => followed.pod('after-revocation'));
  t.true(readFileSync(join(folder, 'runs'), 'utf8').split('\n').length >= 3);
});

test('a kubeconfig whose inline token is renewed is read again at once, however long the pause is', async t => {
  const { token, revoke } = await revocableToken('inline');
  const kubeconfig = join(dir, 'kubeconfig-inline');
  writeFileSync(kubeconfig, asUser({ token }));
  const timing = { watchSeconds: 1, firstPauseMs: 3_600_000, longestPauseMs: 3_600_000 };
  const followed = await followNode(t, { kubeconfig, timing });
  await revoke();
  await eventually('the refusal', () => {
    // Any other failure, such as a watch that ended early, would pause as long.
    writeFileSync(kubeconfig, asUser({ token }));
    return followed.warnings().some(event => /401/.test(event));
  });
  writeFileSync(kubeconfig, asUser({ token: server.token }));
  await server.createPod(followed.node, 'after-renewal');
  await eventually('a pod', () => followed.pod('after-renewal'));
  t.pass();
});

test.serial('who is impersonated decides what may be read', async t => {
  const kubeconfig = join(dir, 'kubeconfig-as');
  const user = { token: server.token, as: 'eve', 'as-groups': ['readers'] };
  writeFileSync(kubeconfig, asUser(user));
  await server.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'readers' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'pods' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'readers' }],
  });
  const { cache } = await followNode(t, { kubeconfig, timing: { longestPauseMs: 500 } });
  t.true(cache.synced);
  writeFileSync(kubeconfig, asUser({ ...user, 'as-groups': ['others'] }));
  const client = new KubernetesClient(loadKubernetesServer(kubeconfig), createLog('silent'));
  t.teardown(() => client.close());
  const deadlines = { answerMs: 60_000, wholeMs: 60_000 };
  await t.throwsAsync(client.getJson('/api/v1/pods', deadlines, new AbortController().signal), {
    message: /403: pods is forbidden: User "eve"/,
  });
});

for (const [what, cluster, problem] of [
  ["another name of the server's certificate", { 'tls-server-name': 'kubernetes' }, undefined],
  ['a name that its certificate does not have', { 'tls-server-name': 'other' }, /does not match certificate/],
  [
    'no check of the certificate',
    { 'certificate-authority': '', 'insecure-skip-tls-verify': true },
    undefined,
  ],
] as const) {
  test.serial(`${what} is what the kubeconfig says`, async t => {
    const file = JSON.parse(asUser({ token: server.token }));
    Object.assign(file.clusters[0].cluster, cluster);
    const kubeconfig = join(dir, 'kubeconfig-tls');
    writeFileSync(kubeconfig, JSON.stringify(file));
    const client = new KubernetesClient(loadKubernetesServer(kubeconfig), createLog('silent'));
    t.teardown(() => client.close());
    const deadlines = { answerMs: 60_000, wholeMs: 60_000 };
    const answer = client.getJson('/api/v1/namespaces/default', deadlines, new AbortController().signal);
    if (problem) await t.throwsAsync(answer, { message: problem });
    else t.like(await answer, { kind: 'Namespace' });
  });
}
