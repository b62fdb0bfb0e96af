/** Clients behind the router with long TCP connections, and the outcome of each connection. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { anycast, servicePort } from '../support/anycast-net/plan.ts';
import { endChild, type Namespace } from '../support/lab.ts';

export const families = ['ipv4', 'ipv6'] as const;
export type Family = (typeof families)[number];
/** Connections that ask twice a second, those that wait to be asked for, and new ones at a steady rate. */
export const kinds = ['busy', 'idle', 'new'] as const;
export type Kind = (typeof kinds)[number];

export interface FlowEvent {
  /** Milliseconds of `performance.now()` of this process. */
  at: number;
  family: Family;
  kind: Kind;
  /** The same when it is opened again. */
  connection: number;
  /** `failed`: never established. */
  what: 'opened' | 'answered' | 'broken' | 'failed';
  /** By what error, or silence, it showed that it was broken. */
  why: string | undefined;
  /** Who answered it; of what broke, who had, if anybody did yet. */
  server: string | undefined;
}

/** CLOCK_MONOTONIC, which `flows` stamps with, against `performance.now()`. */
const clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export class Clients {
  /** In the order in which they happened. */
  readonly events: FlowEvent[] = [];
  readonly #child: ChildProcess;

  /**
   * @param program path of the compiled `flows.c`
   * @param counts of each family: connections, and of `new` those that are opened each second
   */
  constructor(program: string, from: Namespace, counts: Record<Kind, number>) {
    const streams = families.flatMap(family => kinds.map(kind => ({ family, kind })));
    this.#child = from.spawn(
      program,
      streams.map(({ family, kind }) => [kind, anycast[family], servicePort, counts[kind]].join()),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    if (this.#child.stdout === null) throw new Error('the clients did not start');
    createInterface(this.#child.stdout).on('line', line => {
      const [ns, stream, connection, event = '', server] = line.split(' ');
      const [what, why] = event.split('-');
      this.events.push({
        ...(streams[Number(stream)] as (typeof streams)[0]),
        at: Number(ns) / 1e6 - clockOffsetMs,
        connection: Number(connection),
        what: what as FlowEvent['what'],
        why,
        server: server === '-' ? undefined : server,
      });
    });
  }

  /** How many connections that stay have been answered so far. */
  get established(): number {
    return this.events.filter(({ what, kind }) => what === 'opened' && kind !== 'new').length;
  }

  /** Idle connections send one request, which shows the broken ones. */
  askIdle(): void {
    this.#child.kill('SIGUSR1');
  }

  async stop(): Promise<void> {
    await endChild(this.#child, 1000);
  }
}
