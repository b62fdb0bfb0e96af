/**
 * How the kernel reaches pods, and notifications when that may have changed.
 *
 * CNIs that give each pod a veth route to it by a host route (`ip route add 10.0.0.5 dev veth1`): each of
 * those is notified, whatever its protocol and table. A bridge's subnet comes and goes with an address of an interface.
 * What is neither (a wider route added by hand, a rule) is found only by asking again from time to time.
 */
import { formatAddress, parseAddress } from '../../base/address.ts';
import type { AddressPath, PathChange, PathFinder } from '../../base/address-path.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { mainTable } from '../../base/routing-table.ts';
import { describeErrno } from '../socket/errno.ts';
import { FollowedLinks } from '../socket/followed-links.ts';
import { LinkTable } from '../socket/link-table.ts';
import { RouteType } from '../socket/record-layout.ts';
import type { KernelChanges, Monitor, RouteAnswer, RouteSocket } from '../socket/route-socket.ts';
import { viewRoutes } from '../socket/route-view.ts';

/** What a route of this type does to packets, for people. */
const refusingTypes: Record<number, string> = {
  [RouteType.broadcast]: 'it is a broadcast address here',
  [RouteType.anycast]: 'it is an anycast address here',
  [RouteType.multicast]: 'it is a multicast address',
  [RouteType.blackhole]: 'a blackhole route drops it',
  [RouteType.unreachable]: 'an unreachable route refuses it',
  [RouteType.prohibit]: 'a prohibit route refuses it',
};

/** Until links that could not be read are read again, in milliseconds. */
const retryMs = 1000;

/** What lookups are made with. */
export interface KernelPathsOptions {
  socket: Pick<RouteSocket, 'lookup' | 'links' | 'monitor'>;
  log: Log;
  clock?: Pick<Clock, 'after'>;
}

/** Asks the kernel by which interface it reaches an address, and reports when that may have changed. */
export class KernelPaths implements PathFinder {
  readonly #socket: KernelPathsOptions['socket'];
  readonly #log: Log;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #links = new LinkTable();
  readonly #followed: FollowedLinks;
  #monitor: Monitor | undefined;
  /** Links are being read again after notifications were lost. */
  #rereading = false;
  #cancelRetry = () => {};

  constructor({ socket, log, clock = systemClock }: KernelPathsOptions) {
    this.#socket = socket;
    this.#log = log;
    this.#clock = clock;
    this.#followed = new FollowedLinks(socket, this.#links);
  }

  /** Listens first and reads then, so that nothing falls between. */
  async start(onChange: (change: PathChange) => void): Promise<void> {
    const interest = { table: mainTable, protocols: [], hostRoutes: true };
    this.#monitor = this.#socket.monitor(interest, changes => this.#take(changes, onChange));
    await this.#followed.read();
  }

  stop(): void {
    this.#monitor?.stop();
    this.#monitor = undefined;
    this.#cancelRetry();
  }

  async find(addresses: readonly string[]): Promise<AddressPath[]> {
    const answers = await this.#socket.lookup(addresses.map(text => parseAddress(text).bytes));
    return answers.map(answer => this.#pathOf(answer));
  }

  isUsable(interfaceName: string): boolean {
    return this.#links.usableIndex(interfaceName) !== undefined;
  }

  #pathOf({ errno, type, interfaceIndex, gateway }: RouteAnswer): AddressPath {
    if (errno !== 0) return { kind: 'none', reason: describeErrno(errno) };
    if (type === RouteType.local) return { kind: 'local' };
    if (type !== RouteType.unicast)
      return { kind: 'none', reason: refusingTypes[type] ?? `its route is of type ${type}` };
    // The interface is so new that its notification has not arrived; that will cause another look-up.
    if (!this.#links.isUsable(interfaceIndex))
      return { kind: 'none', reason: `its interface, number ${interfaceIndex}, is not up` };
    const name = this.#links.nameOf(interfaceIndex);
    if (gateway === undefined) return { kind: 'neighbour', interface: name };
    return { kind: 'gateway', interface: name, gateway: formatAddress(gateway) };
  }

  #take(
    { routes, links, addresses, overrun, error }: KernelChanges,
    onChange: (change: PathChange) => void,
  ): void {
    const interfaces = this.#followed.update(links);
    for (const { index } of addresses) interfaces.add(this.#links.nameOf(index));
    const reached = new Set([...viewRoutes(routes)].map(({ destination }) => formatAddress(destination)));
    if (!overrun) {
      onChange({ addresses: reached, interfaces, everything: false });
      return;
    }
    const reason = error === undefined ? '' : ` (${error.message})`;
    this.#log.warn(
      { code: 'MONITOR_OVERRUN' },
      `kernel notifications were lost${reason}; looking up every path again`,
    );
    this.#followed.raiseDoubt();
    if (!this.#rereading) void this.#reread(onChange);
  }

  /** Links first: a look-up answers with interface numbers, which they give names to. */
  async #reread(onChange: (change: PathChange) => void): Promise<void> {
    this.#rereading = true;
    let lastFailure = '';
    while (this.#followed.inDoubt && this.#monitor !== undefined) {
      try {
        await this.#followed.read();
      } catch (error) {
        if (this.#monitor === undefined) break;
        const { code, message } = error as NodeJS.ErrnoException;
        if (message !== lastFailure)
          this.#log.error(
            { code },
            `can not read the interfaces: ${message}; trying again every ${retryMs} ms`,
          );
        lastFailure = message;
        await this.#pause(retryMs);
      }
    }
    this.#rereading = false;
    if (this.#monitor !== undefined)
      onChange({ addresses: new Set(), interfaces: new Set(), everything: true });
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#clock.after(ms, resolve);
      this.#cancelRetry = () => {
        cancel();
        resolve();
      };
    });
  }
}
