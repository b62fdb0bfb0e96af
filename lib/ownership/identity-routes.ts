/** Reads, withdraws and removes the routes of one identity in the kernel. Never changes other owners' routes. */

import type { Destination } from '../base/address.ts';
import type { RouteIdentity } from '../config/route-identity.ts';
import { readPrefixRoutes } from '../kernel/prefix-routes.ts';
import { errnoName } from '../kernel/socket/errno.ts';
import { addPrefixRoute, isPrefixRoute } from '../kernel/socket/prefix-route.ts';
import { Operation } from '../kernel/socket/record-layout.ts';
import { RouteBatch } from '../kernel/socket/route-batch.ts';
import type { RouteSocket } from '../kernel/socket/route-socket.ts';
import { packCopy, packDeletion, type RouteView, viewRoutes } from '../kernel/socket/route-view.ts';
import { removeIdleObjects } from './idle-objects.ts';

export class IdentityRoutes {
  readonly identity: RouteIdentity;
  readonly #socket: RouteSocket;

  constructor(socket: RouteSocket, identity: RouteIdentity) {
    this.#socket = socket;
    this.identity = identity;
  }

  /** All routes with the table, the metric and one of the protocols of the identity, in both families. */
  async read(): Promise<RouteView[]> {
    const { table, metric, protocols } = this.identity;
    const numbers = [protocols.advertise, protocols.hold];
    const dumps = await Promise.all(
      ([4, 6] as const).map(family => this.#socket.dump({ family, table, protocols: numbers })),
    );
    return dumps
      .flatMap(dump => [...viewRoutes(dump)])
      .filter(view => view.metric === metric && !isPrefixRoute(view.bytes));
  }

  /**
   * Writes copies of routes with this identity.
   *
   * @param operation `create` where the identity has no such route, `replace` where it has
   * @param protocolOf the protocol number of each copy
   * @returns an errno or 0 for each route
   */
  write(
    views: readonly RouteView[],
    operation: Operation,
    protocolOf: (view: RouteView) => number,
  ): Promise<readonly number[]> {
    const { table, metric } = this.identity;
    return this.#apply(
      views.map(view => packCopy(view, { operation, table, metric, protocol: protocolOf(view) })),
    );
  }

  /**
   * Withdraws the announced ones: the tag changes, and the route still forwards. A route that the kernel refuses to
   * write (its nexthop is dead) stays as it is; its removal withdraws it.
   */
  async hold(views: readonly RouteView[]): Promise<void> {
    const { advertise, hold } = this.identity.protocols;
    const announced = views.filter(({ protocol }) => protocol === advertise);
    await this.write(announced, Operation.replace, () => hold);
  }

  /**
   * Removes routes by table, prefix, metric and protocol. A route that is already gone counts as removed.
   * @returns the routes that are still there, each with the errno's name
   */
  async remove(views: readonly RouteView[]): Promise<{ view: RouteView; why: string }[]> {
    const outcomes = await this.#apply(views.map(packDeletion));
    return views.flatMap((view, index) => {
      const why = errnoName(outcomes[index] ?? 0);
      return outcomes[index] === 0 || why === 'ESRCH' || why === 'ENODEV' ? [] : [{ view, why }];
    });
  }

  /** The prefixes for which this identity has an unreachable route. */
  prefixRoutes(): Promise<Destination[]> {
    return readPrefixRoutes(this.#socket, this.identity.protocols.hold);
  }

  /** Makes the unreachable routes of a former identity routes of this one. */
  async takePrefixRoutes(former: IdentityRoutes): Promise<void> {
    const { hold } = this.identity.protocols;
    if (hold === former.identity.protocols.hold) return;
    await this.#writePrefixRoutes(Operation.replace, await former.prefixRoutes(), hold);
  }

  /** Removes the unreachable routes of prefixes. */
  async removePrefixRoutes(): Promise<void> {
    const { hold } = this.identity.protocols;
    await this.#writePrefixRoutes(Operation.delete, await this.prefixRoutes(), hold);
  }

  async #writePrefixRoutes(
    operation: Operation,
    prefixes: readonly Destination[],
    protocol: number,
  ): Promise<void> {
    const batch = new RouteBatch();
    for (const prefix of prefixes) addPrefixRoute(batch, operation, prefix, protocol);
    if (batch.length > 0) await this.#socket.apply(batch.bytes());
  }

  /**
   * Deletes nexthop objects of this identity that no route uses any more.
   *
   * @param others identities whose routes may use the objects too
   * @returns how many objects of this identity are still there
   */
  async removeIdleObjects(others: readonly IdentityRoutes[] = []): Promise<number> {
    const views = (await Promise.all([this, ...others].map(identity => identity.read()))).flat();
    const used = new Set(views.map(({ group }) => group));
    return removeIdleObjects(this.#socket, this.identity.protocols.advertise, used);
  }

  async #apply(requests: readonly Uint8Array[]): Promise<readonly number[]> {
    const batch = new RouteBatch();
    for (const request of requests) batch.addPacked(request, 1);
    return requests.length === 0 ? [] : [...(await this.#socket.apply(batch.bytes()))];
  }
}
