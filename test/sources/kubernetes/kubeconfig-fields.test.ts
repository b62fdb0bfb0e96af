/**
 * What a kubeconfig can say, field by field of client-go's `clientcmd/api/v1` (Config, Cluster, Context, AuthInfo,
 * ExecConfig): what we do of it, or the words with which it is refused.
 */
import { writeFileSync } from 'node:fs';
import test from 'ava';
import type { FlockError } from '../../../lib/base/errors.ts';
import { loadKubernetesServer } from '../../../lib/sources/kubernetes/kubernetes-config.ts';
import { certificate, kubeconfig, kubeconfigFolder, type Parts } from '../../support/kubeconfigs.ts';

const { at, write } = kubeconfigFolder(test);
const never = new AbortController().signal;

const { cert, key } = certificate;
writeFileSync(at('a.crt'), cert);
writeFileSync(at('a.key'), key);
writeFileSync(at('a.token'), 'from-file\n');
/** A plugin that gives what it was told as its token, for the test to see. */
writeFileSync(
  at('plugin'),
  '#!/bin/sh\nprintf \'{"status":{"token":"%s"}}\' "$(printf %s "$ONE $1 $KUBERNETES_EXEC_INFO" | base64 -w0)"\n',
  { mode: 0o755 },
);

async function accessOf(parts: Parts) {
  const { url, headers, tls } = await loadKubernetesServer(write(kubeconfig(parts))).access(never);
  return { url: url.href, headers, ...tls };
}

const plain = { url: 'https://h:6443/', headers: {} };
const bearer = (token: string) => ({ ...plain, headers: { Authorization: `Bearer ${token}` } });
const base64 = (data: Buffer) => data.toString('base64');
const exec = { command: './plugin', apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never' };
/** What the plugin saw. */
const told = (one: string, argument: string, cluster?: object) => {
  const spec = { interactive: false, ...(cluster && { cluster }) };
  const info = JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', spec });
  return bearer(base64(Buffer.from(`${one} ${argument} ${info}`)));
};

// A field, what it says here, and what each request is sent with then.
for (const [field, parts, access] of [
  ['Config.kind, .apiVersion', {}, plain],
  ['Config.preferences (nothing to us)', { config: { preferences: { colors: true } } }, plain],
  ['Config.extensions (of others)', { config: { extensions: [{ name: 'e', extension: {} }] } }, plain],
  ['Context.namespace, .extensions (nothing to us)', { context: { namespace: 'n', extensions: [] } }, plain],
  ['Cluster.server', { cluster: { server: 'http://h/a' } }, { ...plain, url: 'http://h/a' }],
  ['Cluster.tls-server-name', { cluster: { 'tls-server-name': 's' } }, { ...plain, servername: 's' }],
  [
    'Cluster.insecure-skip-tls-verify',
    { cluster: { 'insecure-skip-tls-verify': true } },
    { ...plain, rejectUnauthorized: false },
  ],
  [
    'Cluster.certificate-authority',
    { cluster: { 'certificate-authority': 'a.crt' } },
    { ...plain, ca: cert },
  ],
  [
    'Cluster.certificate-authority-data',
    { cluster: { 'certificate-authority-data': base64(cert) } },
    { ...plain, ca: cert },
  ],
  ['Cluster.disable-compression (we never ask for it)', { cluster: { 'disable-compression': true } }, plain],
  [
    'Cluster.extensions (of others)',
    { cluster: { extensions: [{ name: 'minikube', extension: {} }] } },
    plain,
  ],
  [
    'AuthInfo.client-certificate, .client-key',
    { user: { 'client-certificate': 'a.crt', 'client-key': 'a.key' } },
    { ...plain, cert, key },
  ],
  [
    'AuthInfo.client-certificate-data, .client-key-data',
    { user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } },
    { ...plain, cert, key },
  ],
  ['AuthInfo.token', { user: { token: 't' } }, bearer('t')],
  ['AuthInfo.tokenFile', { user: { tokenFile: 'a.token' } }, bearer('from-file')],
  ['AuthInfo.tokenFile over token', { user: { tokenFile: 'a.token', token: 't' } }, bearer('from-file')],
  ['AuthInfo.as', { user: { as: 'eve' } }, { ...plain, headers: { 'Impersonate-User': 'eve' } }],
  [
    'AuthInfo.as-uid, .as-groups, .as-user-extra',
    {
      user: {
        as: 'eve',
        'as-uid': '7',
        'as-groups': ['g', 'h'],
        'as-user-extra': { 'example.org/a%': ['1', '2'] },
      },
    },
    {
      ...plain,
      headers: {
        'Impersonate-User': 'eve',
        'Impersonate-Uid': '7',
        'Impersonate-Group': ['g', 'h'],
        'Impersonate-Extra-example.org%2Fa%25': ['1', '2'],
      },
    },
  ],
  [
    'AuthInfo.username and others, empty',
    { user: { username: '', password: null, 'auth-provider': null } },
    plain,
  ],
  ['AuthInfo.extensions (of others)', { user: { extensions: [] } }, plain],
  ['AuthInfo.token over exec', { user: { token: 't', exec } }, bearer('t')],
  [
    'ExecConfig.command, relative to the file; .apiVersion; .interactiveMode',
    { user: { exec } },
    told('', ''),
  ],
  [
    'ExecConfig.args, .env',
    { user: { exec: { ...exec, args: ['two'], env: [{ name: 'ONE', value: 'one' }] } } },
    told('one', 'two'),
  ],
  [
    'ExecConfig.provideClusterInfo, with the extension of the cluster for it',
    {
      user: { exec: { ...exec, provideClusterInfo: true } },
      cluster: {
        'tls-server-name': 's',
        'certificate-authority': 'a.crt',
        extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { a: 1 } }],
      },
    },
    {
      ...told('', '', {
        server: 'https://h:6443',
        'tls-server-name': 's',
        'certificate-authority-data': base64(cert),
        config: { a: 1 },
      }),
      servername: 's',
      ca: cert,
    },
  ],
] satisfies [string, Parts, object][]) {
  test(`done: ${field}`, async t => {
    t.deepEqual(await accessOf(parts), access as Awaited<ReturnType<typeof accessOf>>);
  });
}

// A field, what it says here, and the words and the remedy with which it is refused.
for (const [field, parts, words, remedy] of [
  ['Config.kind', { config: { kind: 'Secret' } }, /kind: /, /kubectl/],
  ['Config.apiVersion', { config: { apiVersion: 'v2' } }, /apiVersion: /, /kubectl/],
  [
    'Config, a key that is unknown',
    { config: { users2: [] } },
    /Unrecognized key: "users2"/,
    /correct the name/,
  ],
  [
    'Config.current-context, missing',
    { config: { 'current-context': '' } },
    /current-context is not set/,
    /use-context/,
  ],
  [
    'Config.current-context, unknown',
    { config: { 'current-context': 'y' } },
    /current-context "y" is not in contexts/,
    /name one/,
  ],
  [
    'Config.users, twice one name',
    { config: { users: [{ name: 'u' }, { name: 'u' }] } },
    /users: "u" is there twice/,
    /rename/,
  ],
  ['Context.user, missing', { context: { user: null } }, /context x: user: is missing/, /kubectl/],
  ['Context.cluster, unknown', { context: { cluster: 'd' } }, /cluster "d" is not in clusters/, /name one/],
  ['Cluster.server, missing', { cluster: { server: null } }, /cluster c: server: is missing/, /kubectl/],
  [
    'Cluster.server, no URL',
    { cluster: { server: 'h:6443' } },
    /server: "h:6443" is not an http/,
    /https:\/\/HOST:PORT/,
  ],
  [
    'Cluster.proxy-url',
    { cluster: { 'proxy-url': 'socks5://p' } },
    /proxy-url: is not supported/,
    /reaches directly/,
  ],
  [
    'Cluster, a key that is unknown',
    { cluster: { 'tls-servername': 's' } },
    /tls-servername/,
    /correct the name/,
  ],
  [
    'Cluster.certificate-authority, both forms',
    { cluster: { 'certificate-authority': 'a.crt', 'certificate-authority-data': base64(cert) } },
    /certificate-authority-data: is given beside certificate-authority/,
    /keep one/,
  ],
  [
    'Cluster.insecure-skip-tls-verify beside an authority',
    { cluster: { 'certificate-authority': 'a.crt', 'insecure-skip-tls-verify': true } },
    /insecure-skip-tls-verify: is given beside certificate-authority/,
    /keep one/,
  ],
  [
    'AuthInfo.username, .password',
    { user: { username: 'u', password: 'p' } },
    /username: is not supported; password: is/,
    /token, a certificate or exec/,
  ],
  [
    'AuthInfo.auth-provider',
    { user: { 'auth-provider': { name: 'oidc' } } },
    /auth-provider: oidc is not supported/,
    /exec/,
  ],
  [
    'AuthInfo.client-certificate without its key',
    { user: { 'client-certificate': 'a.crt' } },
    /client-certificate: is given without client-key/,
    /add client-key/,
  ],
  [
    'AuthInfo.client-key without its certificate',
    { user: { 'client-key-data': base64(key) } },
    /client-key: is given without client-certificate/,
    /add client-certificate/,
  ],
  [
    'AuthInfo.client-key-data, no base64',
    { user: { 'client-key-data': '%', 'client-certificate': 'a.crt' } },
    /client-key-data: Invalid base64/,
    /kubectl/,
  ],
  [
    'AuthInfo.as-groups without as',
    { user: { 'as-groups': ['g'] } },
    /as-groups: is given without as/,
    /name a user/,
  ],
  [
    'AuthInfo.token-file (a key of other clients)',
    { user: { 'token-file': 'a.token' } },
    /token-file/,
    /correct the name/,
  ],
  [
    'AuthInfo.token over http',
    { user: { token: 't' }, cluster: { server: 'http://h' } },
    /not sent in the clear/,
    /https/,
  ],
  [
    'ExecConfig.command, missing',
    { user: { exec: { ...exec, command: '' } } },
    /exec\.command: is missing/,
    /kubectl/,
  ],
  [
    'ExecConfig.apiVersion, an old one',
    { user: { exec: { ...exec, apiVersion: 'client.authentication.k8s.io/v1alpha1' } } },
    /exec\.apiVersion: /,
    /kubectl/,
  ],
  [
    'ExecConfig.interactiveMode Always',
    { user: { exec: { ...exec, interactiveMode: 'Always' } } },
    /interactiveMode: Always is not supported/,
    /without a terminal/,
  ],
  [
    'ExecConfig, a key that is unknown',
    { user: { exec: { ...exec, timeout: 3 } } },
    /exec: Unrecognized key: "timeout"/,
    /correct the name/,
  ],
] satisfies [string, Parts, RegExp, RegExp][]) {
  test(`refused: ${field}`, t => {
    const path = write(kubeconfig(parts));
    const error = t.throws<FlockError>(() => loadKubernetesServer(path), { code: 'FLOCK_CONFIG_INVALID' });
    t.true(error.message.startsWith(`kubeconfig ${path}: `));
    t.regex(error.message, words);
    t.regex(error.remedy ?? '', remedy);
  });
}
