/**
 * The route table's hands: reads the kernel, listens to it, and carries one plan across in one call.
 */
import type { Destination } from '../address.ts';
import type { Log } from '../observe/log.ts';
import type { LinkTable } from './link-table.ts';
import type { KernelChanges, Monitor, RouteSocket } from './native.ts';
import type { RouteEvent } from './route-outcome.ts';
import type { RoutePlan, RouteTable } from './route-table.ts';

export interface RouteProgrammerOptions {
  socket: RouteSocket;
  table: RouteTable;
  links: LinkTable;
  /** What is ours: routing table and route protocol numbers. */
  owned: { table: number; protocols: number[] };
  log: Log;
  /** Called when the kernel changed in a way that a pass should look at. */
  onChange: () => void;
}

/** What a pass did. */
export interface PassOutcome {
  events: RouteEvent[];
  /** Requests that crossed to the kernel. */
  requests: RoutePlan['requests'];
  /** Destinations that the kernel held differently from what we believed. */
  drift: number;
  /** Interfaces that destinations wait for, told once. */
  absent: string[];
}

export class RouteProgrammer {
  readonly #options: RouteProgrammerOptions;
  #monitor: Monitor | undefined;

  constructor(options: RouteProgrammerOptions) {
    this.#options = options;
  }

  /** Listens first and reads then, so that nothing falls between. */
  async start(): Promise<void> {
    const { socket, owned } = this.#options;
    this.#monitor = socket.monitor(owned, changes => this.#take(changes));
    await this.#readLinks();
  }

  stop(): void {
    this.#monitor?.stop();
  }

  /**
   * One pass: at most one dump when the kernel is in doubt, at most one `apply`.
   *
   * @param now the clock, in milliseconds
   */
  async pass(now: () => number, mayRemove: (destination: Destination) => boolean): Promise<PassOutcome> {
    const { socket, table } = this.#options;
    const drift = table.suspect ? await this.#readRoutes() : 0;
    const absent = table.takeAbsent();
    const plan = table.plan(now(), mayRemove);
    if (plan.batch.length === 0) return { events: [], requests: [], drift, absent };
    const results = await socket.apply(plan.batch.bytes());
    return { events: table.settle(plan, results, now()), requests: plan.requests, drift, absent };
  }

  async #readRoutes(): Promise<number> {
    const { socket, table, owned } = this.#options;
    const answered = table.doubts;
    const dumps = await Promise.all(([4, 6] as const).map(family => socket.dump({ family, ...owned })));
    return table.adopt(dumps, answered);
  }

  async #readLinks(): Promise<void> {
    const { socket, table, links } = this.#options;
    table.relink(links.replace(await socket.links()));
  }

  #take({ routes, links: linkChanges, addresses, overrun }: KernelChanges): void {
    const { table, links, log, onChange } = this.#options;
    const renumbered = links.update(linkChanges);
    table.relink(renumbered);
    // The kernel drops IPv4 routes with an interface, and with the address whose subnet held their gateway,
    // without a word on the route group: link and address events are route events.
    const mayHaveLost = linkChanges.some(({ gone, flags }) => gone || (flags & 1) === 0);
    const doubt = overrun || routes.length > 0 || mayHaveLost || addresses.some(({ gone }) => gone);
    if (doubt) table.distrust();
    if (overrun) {
      log.warn({ code: 'MONITOR_OVERRUN' }, 'kernel notifications were lost; reading everything again');
      this.#readLinks().then(onChange, error => log.error({ error }, 'can not read the links'));
    }
    if (doubt || renumbered.size > 0) onChange();
  }
}
