/**
 * The API server and the credentials for it: from a kubeconfig, or from what Kubernetes mounts into a pod. Both are
 * read again when their files change, for a token or a certificate is renewed in place.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { FlockError } from '../../base/errors.ts';
import { filesSignature } from '../../base/file-signature.ts';
import { type Kubeconfig, type KubeconfigError, readKubeconfig, tokenFromFile } from './kubeconfig.ts';
import { type Access, ServerAccess } from './server-access.ts';

/** Where Kubernetes mounts a pod's service account ("Accessing the Kubernetes API from a Pod"). */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What a server or its credentials are read from. */
interface Origin {
  /** For messages, such as `kubeconfig /etc/flock/kubeconfig`. */
  name: string;
  /** Whose change means to read again. */
  files: readonly string[];
  read(): Kubeconfig;
}

/** By origin: all that follow one cluster share its credentials, and so the runs of its plugin. */
const servers = new Map<string, KubernetesServer>();

/**
 * @param kubeconfig path of a kubeconfig. Default: the files of $KUBECONFIG, else the pod's own service account
 *   where there is one, else ~/.kube/config
 * @throws FlockError FLOCK_CONFIG_INVALID when that can not be read or used
 */
export function loadKubernetesServer(kubeconfig?: string): KubernetesServer {
  const origin = originOf(kubeconfig);
  const known = servers.get(origin.name);
  if (known !== undefined) {
    known.load();
    return known;
  }
  const server = new KubernetesServer(origin);
  servers.set(origin.name, server);
  return server;
}

function originOf(kubeconfig: string | undefined): Origin {
  const listed = process.env.KUBECONFIG?.split(delimiter).filter(path => path !== '') ?? [];
  const host = process.env.KUBERNETES_SERVICE_HOST;
  if (kubeconfig === undefined && listed.length === 0 && host) {
    if (existsSync(join(serviceAccountFolder, 'token'))) return inCluster(host);
  }
  const byDefault = listed.length > 0 ? listed : [join(homedir(), '.kube', 'config')];
  const files = kubeconfig === undefined ? byDefault : [kubeconfig];
  return { name: `kubeconfig ${files.join(delimiter)}`, files, read: () => readKubeconfig(files) };
}

function inCluster(host: string): Origin {
  const port = process.env.KUBERNETES_SERVICE_PORT ?? '443';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const name = "this pod's service account";
  return {
    name,
    files: [],
    read: () => ({
      cluster: { name, server, skipTLSVerify: false, caFile: join(serviceAccountFolder, 'ca.crt') },
      user: { name, ...tokenFromFile(join(serviceAccountFolder, 'token')) },
    }),
  };
}

export class KubernetesServer {
  readonly #origin: Origin;
  #signature = '';
  #access: ServerAccess;
  /** Why the files as they are now can not be used; what they said before stays in force. */
  #problem: FlockError | undefined;
  #isRefused = false;

  /** @throws FlockError FLOCK_CONFIG_INVALID */
  constructor(origin: Origin) {
    this.#origin = origin;
    this.#access = this.#read();
  }

  /** As last read. */
  get url(): URL {
    return this.#access.url;
  }

  /** Reads the files as they are now. @throws FlockError FLOCK_CONFIG_INVALID */
  load(): void {
    this.#readAgain();
    if (this.#problem) throw this.#problem;
  }

  /**
   * What one request needs.
   * @param signal ends the waiting for a plugin
   * @throws FlockError FLOCK_CONFIG_INVALID, FLOCK_CREDENTIALS_UNAVAILABLE, or the signal's reason
   */
  async access(signal: AbortSignal): Promise<Access> {
    this.#readAgain();
    // As long as the server takes what we had, an edit that went wrong harms nothing.
    if (this.#problem && this.#isRefused) throw this.#problem;
    return this.#access.access(signal);
  }

  /** The server refused what was sent (401). */
  refused(access: Access): void {
    this.#isRefused = true;
    this.#access.refused(access);
  }

  /** The server knew who was asking. */
  accepted(access: Access): void {
    this.#isRefused = false;
    this.#access.accepted(access);
  }

  /** Differs when a file that credentials come from has changed. */
  signature(): string {
    return filesSignature([...this.#origin.files, ...this.#access.files]);
  }

  #readAgain(): void {
    // Without files there is nothing that could say something else.
    if (this.#origin.files.length === 0) return;
    if (this.#problem === undefined && filesSignature(this.#origin.files) === this.#signature) return;
    try {
      this.#access = this.#read(this.#access);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error as FlockError;
    }
  }

  #read(before?: ServerAccess): ServerAccess {
    const { name, files, read } = this.#origin;
    // Before they are read: a change meanwhile is found the next time.
    const signature = filesSignature(files);
    try {
      const access = new ServerAccess(read(), before);
      this.#signature = signature;
      return access;
    } catch (cause) {
      const { message, remedy } = cause as KubeconfigError;
      throw new FlockError('FLOCK_CONFIG_INVALID', `${name}: ${message}`, {
        value: name,
        remedy:
          remedy ??
          'give a kubeconfig that works with kubectl in pods.kubeconfig, or run in a pod of the cluster',
        cause,
      });
    }
  }
}
