/**
 * The API server and the credentials for it: from a kubeconfig file, or from what Kubernetes mounts into a pod.
 *
 * Of client-node only its kubeconfig types and authenticators are loaded. Its `KubeConfig` reaches all generated
 * API classes, and with them 86 MB of memory on every node (measured, client-node 2.0.1).
 */
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Cluster, User } from '@kubernetes/client-node/dist/config_types.js';
import { newClusters, newContexts, newUsers } from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';
import { FlockError } from '../../base/errors.ts';
import { longestFile, readRegularFile, readTextFile } from '../../base/regular-file.ts';
import { parseYamlText } from '../../base/yaml-text.ts';
import { TokenFile } from './token-file.ts';

/** Where Kubernetes mounts a pod's service account ("Accessing the Kubernetes API from a Pod"). */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What one request needs: options of `https.request`, and headers. */
export interface Credentials {
  headers: Record<string, string>;
  ca?: Buffer;
  cert?: Buffer | string;
  key?: Buffer | string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface KubernetesServer {
  readonly url: URL;
  /** Reads the files each time, since a service account's token and a node's certificate are rotated in place. */
  credentials(): Promise<Credentials>;
}

/**
 * @param kubeconfig path of a kubeconfig. Default: the pod's own service account where there is one, else
 *   ~/.kube/config
 * @throws FlockError FLOCK_CONFIG_INVALID when that can not be read or used
 */
export function loadKubernetesServer(kubeconfig?: string): KubernetesServer {
  const host = process.env.KUBERNETES_SERVICE_HOST;
  const isInPod = kubeconfig === undefined && host && existsSync(join(serviceAccountFolder, 'token'));
  const path = kubeconfig ?? join(homedir(), '.kube', 'config');
  const origin = isInPod ? "this pod's service account" : `kubeconfig ${path}`;
  try {
    return isInPod ? inCluster(host, process.env.KUBERNETES_SERVICE_PORT ?? '443') : fromKubeconfig(path);
  } catch (cause) {
    throw new FlockError('FLOCK_CONFIG_INVALID', `${origin}: ${(cause as Error).message}`, {
      value: origin,
      remedy: 'give a kubeconfig that works with kubectl in pods.kubeconfig, or run in a pod of the cluster',
      cause,
    });
  }
}

function inCluster(host: string, port: string): KubernetesServer {
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return serverOf(
    { name: 'in-cluster', server, skipTLSVerify: false, caFile: join(serviceAccountFolder, 'ca.crt') },
    { name: 'in-cluster', ...tokenFromFile(join(serviceAccountFolder, 'token')) },
  );
}

function fromKubeconfig(path: string): KubernetesServer {
  const file = kubeconfigOf(readTextFile(path, longestFile.config));
  const current: unknown = file?.['current-context'];
  const context = newContexts(file?.contexts).find(({ name }) => name === current);
  if (context === undefined) throw new Error(`current-context ${JSON.stringify(current)} is not in contexts`);
  const cluster = newClusters(file.clusters).find(({ name }) => name === context.cluster);
  if (cluster === undefined) throw new Error(`cluster ${JSON.stringify(context.cluster)} is not in clusters`);
  const user = newUsers(file.users).find(({ name }) => name === context.user);
  if (user === undefined) throw new Error(`user ${JSON.stringify(context.user)} is not in users`);

  // Paths in a kubeconfig are relative to it.
  const absolute = (name: string) => resolve(dirname(path), name);
  const caFile = cluster.caFile && absolute(cluster.caFile);
  const certFile = user.certFile && absolute(user.certFile);
  const keyFile = user.keyFile && absolute(user.keyFile);
  // client-node knows the key `token-file` only; clients of Go write and read `tokenFile`.
  const raw = file.users.find(({ name }: { name: string }) => name === user.name);
  const tokenFile: unknown = raw.user?.tokenFile;
  return serverOf(
    { ...cluster, ...(caFile && { caFile }) },
    {
      ...user,
      ...(certFile && { certFile }),
      ...(keyFile && { keyFile }),
      ...(typeof tokenFile === 'string' && tokenFromFile(absolute(tokenFile))),
    },
  );
}

// biome-ignore lint/suspicious/noExplicitAny: client-node checks its parts.
function kubeconfigOf(text: string): any {
  return parseYamlText(text);
}

/** client-node reads such a token again when it is rotated. */
function tokenFromFile(tokenFile: string): Pick<User, 'authProvider'> {
  return { authProvider: { name: 'tokenFile', config: { tokenFile } } };
}

function serverOf(cluster: Cluster, user: User): KubernetesServer {
  const url = new URL(cluster.server);
  const authenticator = [new TokenFile(), new ExecAuth()].find(each => each.isAuthProvider(user));
  refuseWhatIsNotSupported(url, cluster, user, authenticator !== undefined);
  const tls = () => (url.protocol === 'https:' ? readTls(cluster, user) : {});

  // A missing or invalid file is found at the start. TLS itself accepts an invalid authority without an error.
  const { ca, ...own } = tls();
  if (ca) new X509Certificate(ca);
  createSecureContext(own);
  if (authenticator instanceof TokenFile)
    readRegularFile(user.authProvider.config.tokenFile, longestFile.credential);

  return {
    url,
    async credentials() {
      const headers: Record<string, string> = {};
      if (user.impersonateUser) headers['Impersonate-User'] = user.impersonateUser;
      const credentials: Credentials = { headers, ...tls() };
      await authenticator?.applyAuthentication(user, credentials);
      if (user.token) headers.Authorization = `Bearer ${user.token}`;
      // A token file usually ends in a newline, which is not allowed in a header.
      if (headers.Authorization) headers.Authorization = headers.Authorization.trim();
      return credentials;
    },
  };
}

function refuseWhatIsNotSupported(url: URL, cluster: Cluster, user: User, hasAuthenticator: boolean): void {
  const instead = 'is not supported: use a token, a certificate or exec';
  if (user.username) throw new Error(`username and password ${instead}`);
  if (user.authProvider && !hasAuthenticator)
    throw new Error(`auth-provider ${user.authProvider.name} ${instead}`);
  if (cluster.proxyUrl)
    throw new Error('proxy-url is not supported: name a server this node reaches directly');
  if (url.protocol === 'https:') return;
  if (url.protocol !== 'http:') throw new Error(`server ${cluster.server} is neither https nor http`);
  if (user.token || hasAuthenticator)
    throw new Error(`${url.origin} is http: credentials are not sent in the clear`);
}

function readTls(cluster: Cluster, user: User): Omit<Credentials, 'headers'> {
  const ca = fileOrData(cluster.caFile, cluster.caData);
  const cert = fileOrData(user.certFile, user.certData);
  const key = fileOrData(user.keyFile, user.keyData);
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(cluster.tlsServerName && { servername: cluster.tlsServerName }),
    ...(cluster.skipTLSVerify && { rejectUnauthorized: false }),
  };
}

function fileOrData(file: string | undefined, data: string | undefined): Buffer | undefined {
  if (file) return readRegularFile(file, longestFile.credential);
  return data ? Buffer.from(data, 'base64') : undefined;
}
