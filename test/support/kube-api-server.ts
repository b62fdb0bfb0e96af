/**
 * A real kube-apiserver with a real etcd on loopback. There is no kubelet and no controller: the test does their
 * work, by writing a pod's status and by finally deleting what was deleted with grace.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { auditFlags } from './api-record.ts';
import { ApiError, type ApiObject, issuer, KubeApi } from './kube-api.ts';
import { endChild, eventually, type Namespace } from './lab.ts';
import { answerIn, Relay } from './relay.ts';

/** The address that the server advertises, and that is in its certificate. */
export const advertisedAddress = '192.0.2.1';

const builder = fileURLToPath(new URL('../../scripts/kube-apiserver', import.meta.url));

/**
 * Builds the server if this machine has none yet, starts it, and waits until it is ready.
 * @param options.dir an empty folder for its data, keys and logs; the caller removes it
 * @param options.record whether it keeps a log of requests there (`recordedIn`)
 */
export async function startKubeApiServer({ dir, record = false }: { dir: string; record?: boolean }) {
  const server = new KubeApiServer(dir, await build(), await freePorts(3), record ? auditFlags(dir) : []);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

export class KubeApiServer extends KubeApi {
  /** A kubeconfig with every right there is. */
  readonly kubeconfigPath: string;
  /** The key of the certificate that is in `caPath` beside its authority; there once it has started. */
  readonly keyPath: string;
  readonly #dir: string;
  readonly #binary: string;
  readonly #ports: { server: number; etcd: number; etcdPeer: number };
  readonly #relays: Relay[] = [];
  readonly #moreFlags: readonly string[];
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  constructor(
    dir: string,
    binary: string,
    [server = 0, etcd = 0, etcdPeer = 0]: number[],
    moreFlags: readonly string[] = [],
  ) {
    super(`https://127.0.0.1:${server}`, join(dir, 'apiserver.crt'), randomBytes(16).toString('hex'));
    this.#dir = dir;
    this.#binary = binary;
    this.#ports = { server, etcd, etcdPeer };
    this.#moreFlags = moreFlags;
    this.kubeconfigPath = join(dir, 'kubeconfig');
    this.keyPath = join(dir, 'apiserver.key');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(join(dir, 'service-account.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
    writeFileSync(join(dir, 'tokens.csv'), `${this.token},admin,admin,"system:masters"\n`);
    writeFileSync(this.kubeconfigPath, this.kubeconfig(this.token));
  }

  /** Starts etcd and the server; resolves when it is ready. */
  async start(): Promise<void> {
    const client = `http://127.0.0.1:${this.#ports.etcd}`;
    const peer = `http://127.0.0.1:${this.#ports.etcdPeer}`;
    this.#etcd = this.#spawn('etcd', join(dirname(this.#binary), 'etcd'), [
      `--data-dir=${join(this.#dir, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ]);
    await this.startServer();
  }

  /** Starts the server again after `stopServer`, on the same port with the same data; resolves when it is ready. */
  async startServer(): Promise<void> {
    const key = join(this.#dir, 'service-account.key');
    const child = this.#spawn('kube-apiserver', this.#binary, [
      `--etcd-servers=http://127.0.0.1:${this.#ports.etcd}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${this.#ports.server}`,
      // Without a default route it finds no address to advertise, and loopback it refuses (RFC 5737).
      `--advertise-address=${advertisedAddress}`,
      '--endpoint-reconciler-type=none',
      // It makes itself a certificate here, with the authority that signed it.
      `--cert-dir=${this.#dir}`,
      `--token-auth-file=${join(this.#dir, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      `--service-account-issuer=${issuer}`,
      '--service-cluster-ip-range=198.18.0.0/24',
      // As in any cluster: its own network pods are privileged.
      '--allow-privileged',
      // It wants a default service account in each namespace, which a controller makes that is not here.
      '--disable-admission-plugins=ServiceAccount',
      ...this.#moreFlags,
    ]);
    this.#server = child;
    const isReady = async () => {
      await this.request('GET', '/readyz');
      // On an empty etcd it calls itself ready a little before it has made this one.
      return await this.request('GET', '/api/v1/namespaces/default');
    };
    const ready = eventually('a ready kube-apiserver', isReady, { intervalMs: 50 });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`kube-apiserver ended before it was ready:\n${this.#lastWords('kube-apiserver')}`);
    });
    // The process may end later, when no test waits for it.
    ended.catch(() => {});
    await Promise.race([ready, ended]);
  }

  /** Ends the server at once, as a crash does: its connections break. etcd stays. */
  async stopServer(): Promise<void> {
    if (this.#server) await kill(this.#server);
    this.#server = undefined;
  }

  /** Ends everything. What was in the folder stays, for a look at the logs. */
  async stop(): Promise<void> {
    for (const relay of this.#relays.splice(0)) relay.close();
    await this.stopServer();
    if (this.#etcd) await kill(this.#etcd);
    this.#etcd = undefined;
  }

  /** Has etcd forget all but the newest revision (etcd API v3, Compact), as the server does every five minutes. */
  async compact(): Promise<void> {
    const call = async (path: string, body: unknown): Promise<ApiObject> => {
      const reply = await fetch(`http://127.0.0.1:${this.#ports.etcd}/v3/kv/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (!reply.ok) throw new ApiError(reply.status, await reply.text());
      return reply.json();
    };
    const { header } = await call('range', { key: 'AA==' });
    await call('compaction', { revision: header.revision, physical: true });
  }

  /**
   * Makes the server answer at its own URL in a network namespace too, where this loopback is not: a relay there
   * listens on the same port, and hands each connection over through a UNIX socket, which no namespace bounds.
   * It lives as long as the namespace's lab.
   *
   * @param host an address of the namespace, loopback or `advertisedAddress`: its certificate names these
   */
  async exposeIn(namespace: Namespace, host = '127.0.0.1'): Promise<void> {
    const { server: port } = this.#ports;
    const path = join(this.#dir, `${namespace.name}.sock`);
    this.#relays.push(await Relay.listen({ path }, { port, host: '127.0.0.1' }));
    await answerIn(namespace, { host, port, path });
  }

  /** Runs a program whose output goes to a log in the folder, and which the kernel ends when this one dies. */
  #spawn(name: string, command: string, args: string[]): ChildProcess {
    const log = openSync(join(this.#dir, `${name}.log`), 'a');
    try {
      return spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', log, log] });
    } finally {
      closeSync(log);
    }
  }

  #lastWords(name: string): string {
    const words = readFileSync(join(this.#dir, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-5)
      .join('\n');
    return words;
  }
}

/** Gives the path of the binary; the first time that takes minutes, and its progress is shown. */
async function build(): Promise<string> {
  const child = spawn(builder, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [path, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (status !== 0) throw new Error(`${builder} failed: its words are above`);
  return path.trim();
}

/** At once, since its clean shutdown waits a minute for its watches. */
async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await endChild(child, 0);
}

/** Ports that are free now; all are held until all are known, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map(server => (server.address() as { port: number }).port);
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}
