/**
 * Moves our routes from the identities of former configurations to the present one, without a gap:
 *
 * 1. BIRD learns both (`bird/render.ts`), before any route changes.
 * 2. Each route gets its twin under the present identity, tag and nexthops as they were, and only then goes. At the
 *    same table and metric the kernel has one key for both: there the protocol number is changed in place.
 * 3. The reconciler adopts the twins like any routes from before a restart.
 * 4. What could not be moved (another owner is at the new place, a nexthop is dead) waits until every source has
 *    synced and a pass has programmed what is wanted; then it is withdrawn and removed.
 *    So are its nexthop objects, once nothing leads through them.
 * 5. An identity that the kernel holds nothing of is forgotten, and BIRD learns the present one alone.
 *
 * Killed anywhere in between, the next start finds both identities remembered and goes on.
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
  /** Not the programmer's: what it does is to be heard by the monitor. */
  socket: RouteSocket;
  present: RouteIdentity;
  former: readonly RouteIdentity[];
  /** How long BIRD has to see a change before the next, in milliseconds. */
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

  /** Step 2. Needs no source: every route that goes has its twin in the kernel. */
  async move(): Promise<void> {
    for (const former of this.#former) {
      const found = (await former.read()).filter(view => view.isOurKind);
      if (found.length === 0) continue;
      const left = sharesPlace(former.identity, this.#present.identity)
        ? await this.#retag(former, found)
        : await this.#replant(former, found);
      const words = `moved ${found.length - left} route(s) from ${describeIdentity(former.identity)} to ${describeIdentity(this.#present.identity)}`;
      this.#options.log.info({ moved: found.length - left, left }, words);
    }
  }

  /**
   * Step 4, to be called after a pass.
   *
   * @param isWithdrawn whether BIRD no longer announces a destination
   * @returns whether the kernel holds nothing of the former identities any more
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
    const twins = await this.#destinations();
    if (!this.#announcedNumbers().has(former.identity.protocols.hold)) {
      await former.hold(left.filter(view => !twins.has(destinationOfView(view))));
      await setTimeout(this.#options.settleMs);
    }
    // Read again, for the tag is part of what names a route that is removed.
    const removable = (await former.read()).filter(view => {
      const destination = destinationOfView(view);
      return isFormer(view) && (twins.has(destination) || isWithdrawn(destination));
    });
    const failed = await former.remove(removable);
    const removed = removable.length - failed.length;
    const words = `removed ${removed} route(s) that could not be moved from ${describeIdentity(former.identity)}`;
    this.#options.log.info({ removed }, words);
    return left.length - removed;
  }

  /** A number that means something under the present identity keeps that meaning: the first pass sees to it. */
  async #retag(former: IdentityRoutes, found: readonly RouteView[]): Promise<number> {
    const isFormer = (view: RouteView) => !this.#isPresent(former.identity, view);
    await this.#present.write(found.filter(isFormer), Operation.replace, this.#tagsFrom(former.identity));
    return (await former.read()).filter(isFormer).length;
  }

  async #replant(former: IdentityRoutes, found: readonly RouteView[]): Promise<number> {
    await this.#present.write(found, Operation.create, this.#tagsFrom(former.identity));
    await setTimeout(this.#options.settleMs);
    // The kernel's word, not the outcomes': a twin may stand there since an earlier start was cut short.
    const twins = await this.#destinations();
    const movable = found.filter(view => twins.has(destinationOfView(view)));
    const failed = await former.remove(movable);
    return found.length - movable.length + failed.length;
  }

  /** What the present identity has routes for. */
  async #destinations(): Promise<ReadonlySet<Destination>> {
    return new Set((await this.#present.read()).map(destinationOfView));
  }

  /** Whether a route found under a former identity is one of the present identity as well. */
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

  /** The protocol numbers that BIRD learns meanwhile. */
  #announcedNumbers(): Set<number> {
    return new Set([this.#present, ...this.#former].map(({ identity }) => identity.protocols.advertise));
  }
}
