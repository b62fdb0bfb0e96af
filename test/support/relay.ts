/**
 * Passes connections on. As a program (`node relay.ts HOST PORT SOCKET`) it joins an address of a network namespace
 * to a UNIX socket, which no network namespace bounds.
 */
import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Namespace } from './lab.ts';

/** Where in a namespace a relay listens, and the path of the UNIX socket that it joins to it. */
export interface RelayPlace {
  /** Default: loopback. */
  host?: string;
  port: number;
  path: string;
}

/** Makes the server of the UNIX socket at `path` reachable at an address of a namespace too, until its lab ends. */
export async function answerIn(namespace: Namespace, { host = '127.0.0.1', port, path }: RelayPlace) {
  const program = [process.execPath, fileURLToPath(import.meta.url)];
  const args = ['--pdeathsig', 'KILL', ...program, host, `${port}`, path];
  const child = namespace.spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout as Readable, 'data');
}

export class Relay {
  readonly #server: Server;
  readonly #to: NetConnectOpts;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  private constructor(to: NetConnectOpts) {
    this.#to = to;
    this.#server = createServer(from => this.#join(from));
  }

  /** Listens on an address or on the path of a UNIX socket. */
  static async listen(
    on: { host: string; port: number } | { path: string },
    to: NetConnectOpts,
  ): Promise<Relay> {
    const relay = new Relay(to);
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject);
      relay.#server.listen(on, resolve);
    });
    return relay;
  }

  close(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
  }

  #join(from: Socket): void {
    // An error of a connection is handled like its end.
    from.on('error', () => {});
    const to = connect(this.#to);
    to.on('error', () => {});
    this.#keep(from, to);
    from.pipe(to).pipe(from);
  }

  #keep(from: Socket, to: Socket): void {
    const pair = [from, to] as const;
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.on('close', () => {
        this.#pairs.delete(pair);
        from.destroy();
        to.destroy();
      });
    }
  }
}

if (import.meta.main) {
  const [host = '', port, path = ''] = process.argv.slice(2);
  await Relay.listen({ host, port: Number(port) }, { path });
  process.stdout.write('listening\n');
}
