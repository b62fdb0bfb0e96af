/**
 * Passes connections on, and misbehaves on command: between a client and a real server it plays a network that
 * cuts or goes silent. As a program (`node relay.ts PORT SOCKET`) it joins the loopback of a network namespace
 * to a UNIX socket, which no network namespace bounds.
 */
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

export class Relay {
  readonly #server: Server;
  readonly #to: NetConnectOpts;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #stalled = false;

  private constructor(to: NetConnectOpts) {
    this.#to = to;
    this.#server = createServer(from => this.#join(from));
  }

  /** Listens on a loopback port (0 for any free one) or on the path of a UNIX socket. */
  static async listen(on: { port: number } | { path: string }, to: NetConnectOpts): Promise<Relay> {
    const relay = new Relay(to);
    const where = 'port' in on ? { ...on, host: '127.0.0.1' } : on;
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject);
      relay.#server.listen(where, resolve);
    });
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** Breaks every connection there is; new ones are passed on. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Every connection stays open and nothing passes any more; new ones are accepted and not passed on. */
  stall(): void {
    this.#stalled = true;
    for (const [left, right] of this.#pairs) {
      left.unpipe(right);
      right.unpipe(left);
    }
  }

  /** Passes new connections on again; those that stalled stay so, as after a lost NAT entry. */
  resume(): void {
    this.#stalled = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(from: Socket): void {
    // Nothing but the connection's end says that it is no longer wanted: errors are that end.
    from.on('error', () => {});
    if (this.#stalled) {
      this.#keep(from, from);
      return;
    }
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
  const [port, path] = process.argv.slice(2);
  await Relay.listen({ port: Number(port) }, { path: path ?? '' });
  process.stdout.write('listening\n');
}
