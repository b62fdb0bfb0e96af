/** The custom-resource server of today's Kubernetes over a real etcd on loopback; who asks may do everything. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { KubeApi } from './kube-api.ts';
import { freePorts } from './kube-api-server.ts';
import { endChild, eventually } from './lab.ts';

const builder = fileURLToPath(new URL('../../scripts/crd-server/build', import.meta.url));

export class CrdServer extends KubeApi {
  /** Its version, such as `1.36.4`. */
  readonly version: string;
  readonly kubeconfigPath: string;
  readonly keyPath: string;
  readonly #dir: string;
  readonly #binary: string;
  readonly #ports: readonly number[];
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  private constructor(dir: string, binary: string, ports: readonly number[]) {
    super(`https://127.0.0.1:${ports[0]}`, join(dir, 'apiserver.crt'), 'nobody-looks-at-it');
    this.#dir = dir;
    this.#binary = binary;
    this.#ports = ports;
    this.version = readFileSync(join(dirname(binary), 'version'), 'utf8').trim();
    this.kubeconfigPath = join(dir, 'kubeconfig');
    this.keyPath = join(dir, 'apiserver.key');
    writeFileSync(this.kubeconfigPath, this.kubeconfig(this.token));
  }

  /**
   * Builds the server if this machine has none yet, starts it, and waits until it is ready.
   * @param dir an empty folder for its data, keys and logs; the caller removes it
   */
  static async start(dir: string): Promise<CrdServer> {
    const child = spawn(builder, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [path, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (status !== 0) throw new Error(`${builder} failed: its words are above`);
    const server = new CrdServer(dir, path.trim(), await freePorts(3));
    try {
      server.#startEtcd();
      await server.startServer();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Also again after `stopServer`, on the same port with the same data. */
  async startServer(): Promise<void> {
    const [server, etcd] = this.#ports;
    this.#server = this.#spawn('crd-server', [
      `--etcd-servers=http://127.0.0.1:${etcd}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${server}`,
      `--cert-dir=${this.#dir}`,
    ]);
    await eventually(
      () => `a ready server: ${readFileSync(join(this.#dir, 'crd-server.log'), 'utf8').slice(-2000)}`,
      () => this.request('GET', '/readyz'),
      { intervalMs: 50 },
    );
  }

  /** Ends the server at once, as a crash does. etcd stays. */
  async stopServer(): Promise<void> {
    await kill(this.#server);
    this.#server = undefined;
  }

  async stop(): Promise<void> {
    await this.stopServer();
    await kill(this.#etcd);
    this.#etcd = undefined;
  }

  /** Begins anew with nothing in it, and with versions from 1 on. */
  async forget(): Promise<void> {
    await this.stop();
    rmSync(join(this.#dir, 'etcd'), { recursive: true });
    this.#startEtcd();
    await this.startServer();
  }

  #startEtcd(): void {
    const [, client, peer] = this.#ports.map(port => `http://127.0.0.1:${port}`);
    this.#etcd = this.#spawn('etcd', [
      `--data-dir=${join(this.#dir, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ]);
  }

  #spawn(name: string, args: string[]): ChildProcess {
    const log = openSync(join(this.#dir, `${name}.log`), 'a');
    const command = [join(dirname(this.#binary), name), ...args];
    try {
      return spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: ['ignore', log, log] });
    } finally {
      closeSync(log);
    }
  }
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  child?.kill('SIGKILL');
  if (child !== undefined) await endChild(child, 0);
}
