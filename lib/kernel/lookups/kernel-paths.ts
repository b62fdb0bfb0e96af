/**
 * The kernel's word on how it reaches pods, and a word from it when that may have changed.
 *
 * CNIs that give each pod a veth route to it by a host route (`ip route add 10.0.0.5 dev veth1`): those are heard
 * of one by one, whatever their protocol and table. A bridge's subnet comes and goes with an address of an
 * interface. What is neither (a wider route by hand, a rule) is found by whoever asks again now and then.
 */
import { formatAddress, parseAddress } from '../../base/address.ts';
import type { AddressPath, PathChange, PathFinder } from '../../base/address-path.ts';
import type { Log } from '../../base/log.ts';
import { describeErrno } from '../socket/errno.ts';
import { LinkTable } from '../socket/link-table.ts';
import { RouteType } from '../socket/record-layout.ts';
import type { KernelChanges, Monitor, RouteAnswer, RouteSocket } from '../socket/route-socket.ts';
import { viewRoutes } from '../socket/route-view.ts';

/** `RTN_*` of linux/rtnetlink.h in words. */
const refusingTypes: Record<number, string> = {
  3: 'it is a broadcast address here',
  4: 'it is an anycast address here',
  5: 'it is a multicast address',
  6: 'a blackhole route drops it',
  7: 'an unreachable route refuses it',
  8: 'a prohibit route refuses it',
};
const localType = 2;
const mainTable = 254;

export class KernelPaths implements PathFinder {
  readonly #socket: Pick<RouteSocket, 'lookup' | 'links' | 'monitor'>;
  readonly #log: Log;
  readonly #links = new LinkTable();
  #monitor: Monitor | undefined;

  constructor({ socket, log }: { socket: Pick<RouteSocket, 'lookup' | 'links' | 'monitor'>; log: Log }) {
    this.#socket = socket;
    this.#log = log;
  }

  /** Listens first and reads then, so that nothing falls between. */
  async start(onChange: (change: PathChange) => void): Promise<void> {
    const interest = { table: mainTable, protocols: [], hostRoutes: true };
    this.#monitor = this.#socket.monitor(interest, changes => this.#take(changes, onChange));
    this.#links.replace(await this.#socket.links());
  }

  stop(): void {
    this.#monitor?.stop();
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
    if (type === localType) return { kind: 'local' };
    if (type !== RouteType.unicast)
      return { kind: 'none', reason: refusingTypes[type] ?? `its route is of type ${type}` };
    // An interface so new that its event is still on its way; the event will have us asked again.
    if (!this.#links.isUsable(interfaceIndex))
      return { kind: 'none', reason: `its interface, number ${interfaceIndex}, is not up` };
    const name = this.#links.nameOf(interfaceIndex);
    if (gateway === undefined) return { kind: 'neighbour', interface: name };
    return { kind: 'gateway', interface: name, gateway: formatAddress(gateway) };
  }

  #take({ routes, links, addresses, overrun }: KernelChanges, onChange: (change: PathChange) => void): void {
    const interfaces = this.#links.update(links);
    for (const { index } of addresses) interfaces.add(this.#links.nameOf(index));
    const reached = new Set([...viewRoutes(routes)].map(({ destination }) => formatAddress(destination)));
    if (!overrun) {
      onChange({ addresses: reached, interfaces, everything: false });
      return;
    }
    this.#socket.links().then(
      present => {
        this.#links.replace(present);
        onChange({ addresses: reached, interfaces, everything: true });
      },
      error => this.#log.error({ error }, 'can not read the links'),
    );
  }
}
