/** A socket to the kernel on which one thing goes wrong, once. Everything else is the real kernel. */

import type { KernelSocket } from '../../lib/kernel/route-programmer.ts';
import { Operation } from '../../lib/kernel/socket/record-layout.ts';
import type { ApplyResult, RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { outcomeUnknown } from '../../lib/kernel/socket/route-socket.ts';
import { viewRoutes } from '../../lib/kernel/socket/route-view.ts';

export type Fault =
  /** The first request of this operation is refused with an errno; not carried out, or by another before us. */
  | { what: 'refuse'; operation: keyof typeof Operation; errno: number; carriedOut: boolean }
  /** The reply to the first request of this operation is lost; it was carried out, or not. */
  | { what: 'lose'; operation: keyof typeof Operation; carriedOut: boolean }
  /** The whole call fails before anything was sent. */
  | { what: 'fail'; call: 'apply' | 'dump' | 'links'; code: string };

export class FaultySocket implements KernelSocket {
  readonly #socket: RouteSocket;
  #fault: Fault | undefined;
  /** Whether it has gone wrong. */
  struck = false;

  constructor(socket: RouteSocket) {
    this.#socket = socket;
  }

  /** From now on this goes wrong, once. */
  arm(fault: Fault): void {
    this.#fault = fault;
  }

  async apply(batch: Uint8Array): Promise<ApplyResult> {
    this.#failIf('apply');
    const records = [...viewRoutes(batch)];
    const fault = this.#fault;
    if (fault === undefined || fault.what === 'fail') return this.#socket.apply(batch);
    const victim = records.findIndex(({ operation }) => operation === Operation[fault.operation]);
    if (victim < 0) return this.#socket.apply(batch);
    this.#strike();
    const sent = records.filter((_, index) => fault.carriedOut || index !== victim);
    const outcomes = await this.#socket.apply(Buffer.concat(sent.map(({ bytes }) => bytes)));
    const all = [...outcomes];
    if (!fault.carriedOut) all.splice(victim, 0, 0);
    all[victim] = fault.what === 'refuse' ? fault.errno : outcomeUnknown;
    return Object.assign(Int32Array.from(all), { messages: new Map<number, string>() });
  }

  async dumpInParts(...args: Parameters<RouteSocket['dumpInParts']>): Promise<void> {
    this.#failIf('dump');
    return this.#socket.dumpInParts(...args);
  }

  async links(): ReturnType<RouteSocket['links']> {
    this.#failIf('links');
    return this.#socket.links();
  }

  nexthopObjects(): Promise<Uint8Array> {
    return this.#socket.nexthopObjects();
  }

  lookup(...args: Parameters<RouteSocket['lookup']>): ReturnType<RouteSocket['lookup']> {
    return this.#socket.lookup(...args);
  }

  monitor(...args: Parameters<RouteSocket['monitor']>): ReturnType<RouteSocket['monitor']> {
    return this.#socket.monitor(...args);
  }

  #failIf(call: 'apply' | 'dump' | 'links'): void {
    const fault = this.#fault;
    if (fault?.what !== 'fail' || fault.call !== call) return;
    this.#strike();
    throw Object.assign(new Error(`${call}: ${fault.code}`), { code: fault.code });
  }

  #strike(): void {
    this.struck = true;
    this.#fault = undefined;
  }
}
