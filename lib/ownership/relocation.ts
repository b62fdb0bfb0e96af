/**
 * Moves our routes from the identities of former configurations to the present one, without a gap:
 *
 * 1. BIRD learns routes of both (`bird/render.ts`), before any route changes.
 * 2. Each route is copied to the present identity, with the same tag and nexthops, and only then removed. With the
 *    same table and metric the kernel has one key for both: there the protocol number is changed in place. A withdrawn
 *    route at the new key is no copy of an announced one: a run that was killed left it, and the copy replaces it.
 * 3. The reconciler adopts the copies like any routes from before a restart.
 * 4. A route that could not be moved (another owner has a route at the new key, or a nexthop is dead) stays until
 *    every source has synced and a pass has programmed the desired routes; then it is withdrawn and removed.
 *    Its nexthop objects are removed when no route uses them.
 * 5. An identity without routes in the kernel is forgotten, and BIRD learns the present one alone.
 *
 * When the agent is killed in between, the next start finds both identities remembered and goes on.
 */
import { setTimeout } from 'node:timers/promises';
import type { Destination } from '../base/address.ts';
import type { Log } from '../base/log.ts';
import { describeIdentity, type RouteIdentity, sharesPlace } from '../config/route-identity.ts';
import { Operation } from '../kernel/socket/record-layout.ts';
import type { RouteSocket } from '../kernel/socket/route-socket.ts';
import { destinationOfView, type RouteView } from '../kernel/socket/route-view.ts';
import { IdentityRoutes } from './identity-routes.ts';

export interface RelocationOptions {
  /** Separate from the programmer's socket, so that the programmer's monitor reports the changes made here. */
  socket: RouteSocket;
  present: RouteIdentity;
  former: readonly RouteIdentity[];
  /** The pause after a change, in which BIRD can read it, in milliseconds. */
  settleMs: number;
  log: Log;
}

export class Relocation {
  readonly #options: RelocationOptions;
  readonly #present: IdentityRoutes;
  readonly #former: readonly IdentityRoutes[];

  constructor(options: RelocationOptions) {
    const { socket, present, former } = options;
    this.#options = options;
    this.#present = new IdentityRoutes(socket, present);
    this.#former = former.map(identity => new IdentityRoutes(socket, identity));
  }

  /** BIRD learns none of these, and what keeps them reads them when BIRD has its first configuration: before step 1. */
  async movePrefixRoutes(): Promise<void> {
    for (const former of this.#former) await this.#present.takePrefixRoutes(former);
  }

  /** Step 2. Needs no source: every route that is removed has its copy in the kernel. */
  async move(): Promise<void> {
    for (const former of this.#former) {
      const found = (await former.read()).filter(view => view.isOurKind);
      if (found.length === 0) continue;
      const left = sharesPlace(former.identity, this.#present.identity)
        ? await this.#retag(former, found)
        : await this.#copyAndRemove(former, found);
      const message = `moved ${found.length - left} route(s) from ${describeIdentity(former.identity)} to ${describeIdentity(this.#present.identity)}`;
      this.#options.log.info({ moved: found.length - left, left }, message);
    }
  }

  /**
   * Step 4, to be called after a pass.
   *
   * @param isWithdrawn whether BIRD no longer announces a destination
   * @returns whether the kernel has no routes and nexthop objects of the former identities any more
   */
  async sweep(isWithdrawn: (destination: Destination) => boolean): Promise<boolean> {
    let rest = 0;
    for (const former of this.#former) rest += await this.#sweepOne(former, isWithdrawn);
    const { advertise } = this.#present.identity.protocols;
    const others = this.#former.filter(({ identity }) => identity.protocols.advertise !== advertise);
    for (const former of others) rest += await former.removeIdleObjects([this.#present]);
    return rest === 0;
  }

  /** @returns how many are still there */
  async #sweepOne(
    former: IdentityRoutes,
    isWithdrawn: (destination: Destination) => boolean,
  ): Promise<number> {
    const isFormer = (view: RouteView) => !this.#isPresent(former.identity, view);
    const left = (await former.read()).filter(isFormer);
    if (left.length === 0) return 0;
    const { all: copies } = await this.#destinations();
    if (!this.#announcedNumbers().has(former.identity.protocols.hold)) {
      await former.hold(left.filter(view => !copies.has(destinationOfView(view))));
      await setTimeout(this.#options.settleMs);
    }
    // Read again: a removal names the route's tag, which has changed.
    const removable = (await former.read()).filter(view => {
      const destination = destinationOfView(view);
      return isFormer(view) && (copies.has(destination) || isWithdrawn(destination));
    });
    const failed = await former.remove(removable);
    const removed = removable.length - failed.length;
    const message = `removed ${removed} route(s) that could not be moved from ${describeIdentity(former.identity)}`;
    this.#options.log.info({ removed }, message);
    return left.length - removed;
  }

  /**
   * Changes protocol numbers in place. A route whose number is also one of the present identity is not changed here:
   * the first pass corrects it.
   *
   * @returns how many routes could not be changed
   */
  async #retag(former: IdentityRoutes, found: readonly RouteView[]): Promise<number> {
    const isFormer = (view: RouteView) => !this.#isPresent(former.identity, view);
    await this.#present.write(found.filter(isFormer), Operation.replace, this.#tagsFrom(former.identity));
    return (await former.read()).filter(isFormer).length;
  }

  /** @returns how many routes could not be moved */
  async #copyAndRemove(former: IdentityRoutes, found: readonly RouteView[]): Promise<number> {
    const tags = this.#tagsFrom(former.identity);
    const { advertise } = former.identity.protocols;
    await this.#present.write(found, Operation.create, tags);
    const before = await this.#destinations();
    const isHidden = (view: RouteView) =>
      view.protocol === advertise &&
      before.all.has(destinationOfView(view)) &&
      !before.announced.has(destinationOfView(view));
    await this.#present.write(found.filter(isHidden), Operation.replace, tags);
    await setTimeout(this.#options.settleMs);
    // The kernel's routes decide, not the outcomes: a copy may exist since an interrupted earlier start.
    const copies = await this.#destinations();
    const movable = found.filter(view =>
      (view.protocol === advertise ? copies.announced : copies.all).has(destinationOfView(view)),
    );
    const failed = await former.remove(movable);
    return found.length - movable.length + failed.length;
  }

  /** The destinations of the present identity's routes, and those of them that are announced. */
  async #destinations(): Promise<Record<'all' | 'announced', ReadonlySet<Destination>>> {
    const views = await this.#present.read();
    const { advertise } = this.#present.identity.protocols;
    const announced = views.filter(({ protocol }) => protocol === advertise);
    return {
      all: new Set(views.map(destinationOfView)),
      announced: new Set(announced.map(destinationOfView)),
    };
  }

  /** Whether a route of a former identity also belongs to the present identity. */
  #isPresent(former: RouteIdentity, { protocol }: RouteView): boolean {
    const { identity } = this.#present;
    return (
      sharesPlace(former, identity) &&
      [identity.protocols.advertise, identity.protocols.hold].includes(protocol)
    );
  }

  #tagsFrom(former: RouteIdentity): (view: RouteView) => number {
    const { advertise, hold } = this.#present.identity.protocols;
    return ({ protocol }) => (protocol === former.protocols.advertise ? advertise : hold);
  }

  /** The protocol numbers that BIRD learns during the move. */
  #announcedNumbers(): Set<number> {
    return new Set([this.#present, ...this.#former].map(({ identity }) => identity.protocols.advertise));
  }
}
