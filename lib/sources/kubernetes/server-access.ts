/** How the API server of one kubeconfig is reached, and who we are to it: what each request is sent with. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { FlockError } from '../../base/errors.ts';
import { longestFile, readRegularFile } from '../../base/regular-file.ts';
import { type ExecCredential, ExecPlugin } from './exec-plugin.ts';
import {
  type Kubeconfig,
  type KubeconfigCluster,
  KubeconfigError,
  type KubeconfigUser,
} from './kubeconfig.ts';
import { TokenFile } from './token-file.ts';

/** What one request needs: the server, headers, and TLS options of `https.request`. */
export interface Access {
  url: URL;
  headers: Record<string, string | string[]>;
  tls: TlsOptions;
  /** What a plugin gave for it. */
  credential?: ExecCredential | undefined;
}

interface TlsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export class ServerAccess {
  readonly url: URL;
  /** Read as they are rotated in place: a service account's token, a node's certificate. */
  readonly files: readonly string[];
  readonly #config: Kubeconfig;
  readonly #tokenFile = new TokenFile();
  readonly #plugin: ExecPlugin | undefined;
  /** What the plugin was made from. */
  readonly #pluginText: string;

  /**
   * @param before what this one replaces: its plugin is kept where nothing about it has changed, else ended
   * @throws KubeconfigError, or what is wrong with a file
   */
  constructor(config: Kubeconfig, before?: ServerAccess) {
    const { cluster, user } = config;
    const tokenPath = user.authProvider?.config.tokenFile;
    this.#config = config;
    this.url = new URL(cluster.server);
    this.files = [cluster.caFile, user.certFile, user.keyFile, tokenPath].filter(path => path !== undefined);
    if (this.url.protocol === 'http:' && (user.token || tokenPath || user.exec)) {
      const message = `${this.url.origin} is http: credentials are not sent in the clear`;
      throw new KubeconfigError(message, 'write https in server');
    }
    // A missing or invalid file is found now. TLS itself accepts an invalid authority without an error.
    const { ca, cert, key } = this.#tls();
    if (ca) new X509Certificate(ca);
    createSecureContext({ ...(cert && { cert }), ...(key && { key }) });
    if (tokenPath) this.#tokenFile.refreshToken(tokenPath);

    // As in client-go: a plugin is not asked where the kubeconfig has a token.
    const exec = user.token || tokenPath ? undefined : user.exec;
    const options = exec && { exec, ...(exec.provideClusterInfo && { cluster: clusterInfo(cluster) }) };
    this.#pluginText = JSON.stringify(options ?? null);
    if (before !== undefined && before.#pluginText === this.#pluginText) this.#plugin = before.#plugin;
    else {
      if (before !== undefined) before.#plugin?.end();
      this.#plugin = options && new ExecPlugin(options);
    }
  }

  /** @param signal ends the waiting for a plugin @throws FlockError FLOCK_CREDENTIALS_UNAVAILABLE, or of a file */
  async access(signal: AbortSignal): Promise<Access> {
    const credential = await this.#plugin?.credential(signal);
    try {
      return await this.#compose(credential);
    } catch (cause) {
      throw new FlockError('FLOCK_CREDENTIALS_UNAVAILABLE', (cause as Error).message, {
        remedy: 'make that file readable for the agent; it is read again at each try',
        cause,
      });
    }
  }

  async #compose(credential: ExecCredential | undefined): Promise<Access> {
    const { user } = this.#config;
    const headers = impersonation(user);
    const token = user.token ?? credential?.token;
    if (token) headers.Authorization = `Bearer ${token}`;
    // As in client-go: of both, the file's.
    if (user.authProvider) await this.#tokenFile.applyAuthentication(user, { headers });
    // A token file usually ends in a newline, which is not allowed in a header.
    if (headers.Authorization) headers.Authorization = String(headers.Authorization).trim();
    const tls = this.#tls();
    if (credential?.cert) tls.cert = credential.cert;
    if (credential?.key) tls.key = credential.key;
    return { url: this.url, headers, tls, credential };
  }

  refused({ credential }: Access): void {
    this.#tokenFile.refused();
    if (credential) this.#plugin?.refused(credential);
  }

  accepted({ credential }: Access): void {
    if (credential) this.#plugin?.accepted(credential);
  }

  #tls(): TlsOptions {
    if (this.url.protocol === 'http:') return {};
    const { cluster, user } = this.#config;
    const ca = authorityOf(cluster);
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
}

/** "User impersonation" in the documentation of Kubernetes. */
function impersonation(user: KubeconfigUser): Access['headers'] {
  const { impersonateUser, impersonateUid, impersonateGroups = [], impersonateExtra = {} } = user;
  return {
    ...(impersonateUser && { 'Impersonate-User': impersonateUser }),
    ...(impersonateUid && { 'Impersonate-Uid': impersonateUid }),
    ...(impersonateGroups.length > 0 && { 'Impersonate-Group': impersonateGroups }),
    ...Object.fromEntries(
      Object.entries(impersonateExtra).map(([key, values]) => [
        `Impersonate-Extra-${escapeHeader(key)}`,
        values,
      ]),
    ),
  };
}

/** What a header's name can not contain is written as percent signs and digits (RFC 9110 5.1, client-go). */
function escapeHeader(key: string): string {
  return key.replace(/[^!#$&'*+.^_`|~0-9A-Za-z-]/gu, each =>
    [...Buffer.from(each)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** `spec.cluster` of an ExecCredential (client.authentication.k8s.io/v1, Cluster). */
function clusterInfo(cluster: KubeconfigCluster): Record<string, unknown> {
  const ca = authorityOf(cluster)?.toString('base64');
  return {
    server: cluster.server,
    ...(cluster.tlsServerName && { 'tls-server-name': cluster.tlsServerName }),
    ...(cluster.skipTLSVerify && { 'insecure-skip-tls-verify': true }),
    ...(ca && { 'certificate-authority-data': ca }),
    ...(cluster.disableCompression && { 'disable-compression': true }),
    ...(cluster.execExtension !== undefined && { config: cluster.execExtension }),
  };
}

function authorityOf(cluster: KubeconfigCluster): Buffer | undefined {
  return fileOrData(cluster.caFile, cluster.caData);
}

function fileOrData(file: string | undefined, data: string | undefined): Buffer | undefined {
  if (file) return readRegularFile(file, longestFile.credential);
  return data ? Buffer.from(data, 'base64') : undefined;
}
