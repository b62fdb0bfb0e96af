/** How an agent proves to a real kube-apiserver who it is. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
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
