/** A socket to the real kernel with faults, each of which happens once. */

import type { KernelSocket } from '../../lib/kernel/route-programmer.ts';
import { Operation } from '../../lib/kernel/socket/record-layout.ts';
import type { ApplyResult, KernelChanges, RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
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
  readonly #faults = new Set<Fault>();
  #callback: (changes: KernelChanges) => void = () => {};
  /** Notifications that were lost; undefined while they arrive. */
  #lost: KernelChanges[] | undefined;
  /** Whether a fault has happened. */
  struck = false;

  constructor(socket: RouteSocket) {
    this.#socket = socket;
  }

  /** Adds a fault, which happens once. */
  arm(fault: Fault): void {
    this.#faults.add(fault);
  }

  async apply(batch: Uint8Array): Promise<ApplyResult> {
    this.#failIf('apply');
    const records = [...viewRoutes(batch)];
    const fault = [...this.#faults].find(each => 'operation' in each);
    if (fault === undefined) return this.#socket.apply(batch);
    const victim = records.findIndex(({ operation }) => operation === Operation[fault.operation]);
    if (victim < 0) return this.#socket.apply(batch);
    this.#strike(fault);
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

  monitor(...[options, callback]: Parameters<RouteSocket['monitor']>): ReturnType<RouteSocket['monitor']> {
    this.#callback = callback;
    return this.#socket.monitor(options, changes => {
      if (this.#lost === undefined) callback(changes);
      else this.#lost.push(changes);
    });
  }

  /**
   * From now on notifications are lost, as when they do not fit the receive buffer.
   *
   * @returns what was lost so far, and what ends it and reports the overrun, as the kernel does
   */
  loseNotifications(): { lost: readonly KernelChanges[]; end: () => void } {
    const lost: KernelChanges[] = [];
    this.#lost = lost;
    const nothing = { routes: new Uint8Array(), links: [], addresses: [], nexthopObjects: new Uint8Array() };
    const end = () => {
      this.#lost = undefined;
      this.#callback({ ...nothing, overrun: true });
    };
    return { lost, end };
  }

  #failIf(call: 'apply' | 'dump' | 'links'): void {
    const fault = [...this.#faults].find(each => each.what === 'fail' && each.call === call);
    if (fault?.what !== 'fail') return;
    this.#strike(fault);
    throw Object.assign(new Error(`${call}: ${fault.code}`), { code: fault.code });
  }

  #strike(fault: Fault): void {
    this.struck = true;
    this.#faults.delete(fault);
  }
}
