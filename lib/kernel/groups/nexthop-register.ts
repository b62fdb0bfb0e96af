/**
 * Our nexthop objects: one for each interface and gateway that a group leads through.
 *
 * Each is created without RTNH_F_ONLINK, so that the kernel refuses a gateway that it can not reach, and then marked
 * RTNH_F_ONLINK in place. BIRD needs the mark: it does not learn a route whose gateway is covered by no address of the
 * interface, as behind host routes or when the address has gone (neigh_find in nl_parse_multipath, 2.0.12;
 * test/bird/learn.test.ts). It does not check the gateway of an on-link nexthop.
 */
import {
  concatenate,
  identityOf,
  interfaceAt,
  isOnlink,
  splitNexthops,
  weighted,
  withOnlink,
} from '../socket/nexthops.ts';
import { nexthopLength } from '../socket/record-layout.ts';
import type { ObjectIds } from './object-ids.ts';

export interface RegisteredNexthop {
  readonly id: number;
  /** Interface and gateway. */
  readonly identity: string;
  /** Packed, of weight 1. */
  readonly bytes: Uint8Array;
  /** How many groups have it, or are to have it. */
  uses: number;
  /** Whether the kernel has it, as far as we know. */
  present: boolean;
  /** Whether it is marked RTNH_F_ONLINK there. */
  onlink: boolean;
}

/** Why the kernel does not take a nexthop. */
export interface NexthopRefusal {
  errno: number;
  words: string | undefined;
}

export class NexthopRegister {
  readonly #ids: ObjectIds;
  readonly #byIdentity = new Map<string, RegisteredNexthop>();
  readonly #byId = new Map<number, RegisteredNexthop>();
  readonly #unused = new Set<RegisteredNexthop>();
  readonly #offlink = new Set<RegisteredNexthop>();
  readonly #refusals = new Map<string, NexthopRefusal>();

  constructor(ids: ObjectIds) {
    this.#ids = ids;
  }

  get(id: number): RegisteredNexthop | undefined {
    return this.#byId.get(id);
  }

  /** The registered nexthops of a packed set that is in use, in its order. */
  find(set: Uint8Array): RegisteredNexthop[] {
    return splitNexthops(set).map(nexthop => this.#ensure(nexthop));
  }

  /** Each nexthop of a packed set is used once more; those that are not registered are. */
  use(set: Uint8Array): void {
    for (const nexthop of this.find(set)) {
      nexthop.uses++;
      this.#review(nexthop);
      this.#unused.delete(nexthop);
    }
  }

  /** Each nexthop of a packed set is used once less. */
  release(set: Uint8Array): void {
    for (const nexthop of splitNexthops(set)) {
      const registered = this.#byIdentity.get(identityOf(nexthop));
      if (registered === undefined) continue;
      registered.uses--;
      this.#review(registered);
    }
  }

  /** What the kernel has and no group uses. */
  get unused(): ReadonlySet<RegisteredNexthop> {
    return this.#unused;
  }

  /** What the kernel has and is to be marked on-link. */
  get offlink(): ReadonlySet<RegisteredNexthop> {
    return this.#offlink;
  }

  /** The kernel marked it on-link, or refused to: tried again when another group uses it or the kernel is read. */
  markOnlink(nexthop: RegisteredNexthop, onlink: boolean): void {
    nexthop.onlink = onlink;
    this.#offlink.delete(nexthop);
  }

  /** It can not be deleted: not tried again before the kernel is read again. */
  giveUp(nexthop: RegisteredNexthop): void {
    this.#unused.delete(nexthop);
  }

  /** Takes what the kernel has of ours: ids and their packed nexthops. What is in use keeps its registration. */
  adopt(found: ReadonlyMap<number, Uint8Array>): void {
    for (const nexthop of [...this.#byId.values()]) {
      nexthop.present = found.has(nexthop.id);
      this.#review(nexthop);
    }
    for (const [id, bytes] of found) {
      const known = this.#byId.get(id);
      const identity = identityOf(bytes);
      const onlink = isOnlink(bytes);
      if (known !== undefined && known.identity !== identity) this.renumber(known);
      if (known?.identity === identity) {
        known.onlink = onlink;
        this.#review(known);
        continue;
      }
      this.#ids.reserve(id);
      const plain = withOnlink(weighted(bytes, 1), false);
      const nexthop = { id, identity, bytes: plain, uses: 0, present: true, onlink };
      this.#byId.set(id, nexthop);
      // A second one of the same interface and gateway has no use, and is swept.
      if (!this.#byIdentity.has(identity)) this.#byIdentity.set(identity, nexthop);
      this.#review(nexthop);
    }
  }

  /** The nexthops through an interface went with it. @returns whether there were some */
  lose(interfaceIndex: number): boolean {
    for (const identity of this.#refusals.keys()) {
      if (identity.startsWith(`${interfaceIndex}/`)) this.#refusals.delete(identity);
    }
    const lost = [...this.#byId.values()].filter(({ bytes }) => interfaceAt(bytes, 0) === interfaceIndex);
    for (const nexthop of lost) {
      nexthop.present = false;
      this.#review(nexthop);
    }
    return lost.length > 0;
  }

  /** The kernel has it. */
  accept(nexthop: RegisteredNexthop): void {
    nexthop.present = true;
    nexthop.onlink = false;
    this.#refusals.delete(nexthop.identity);
  }

  /** The kernel does not take it. */
  refuse({ identity }: RegisteredNexthop, refusal: NexthopRefusal): void {
    this.#refusals.set(identity, refusal);
  }

  /** The kernel has it no more. */
  forget(nexthop: RegisteredNexthop): void {
    nexthop.present = false;
    this.#review(nexthop);
  }

  /** Another owner has its id: it gets another when it is used next. */
  renumber(nexthop: RegisteredNexthop): void {
    this.#byId.delete(nexthop.id);
    if (this.#byIdentity.get(nexthop.identity) !== nexthop) return;
    this.#byIdentity.delete(nexthop.identity);
    const { identity, bytes, uses } = nexthop;
    if (uses > 0) this.#add({ id: this.#ids.take(), identity, bytes, uses, present: false, onlink: false });
  }

  /** A set without what the kernel refused last. */
  accepted(set: Uint8Array): Uint8Array {
    if (this.#refusals.size === 0) return set;
    const kept = splitNexthops(set).filter(nexthop => !this.#refusals.has(identityOf(nexthop)));
    return kept.length * nexthopLength === set.length ? set : concatenate(kept);
  }

  /** Why the first refused nexthop of a set is so. */
  refusalIn(set: Uint8Array): NexthopRefusal | undefined {
    for (const nexthop of splitNexthops(set)) {
      const refusal = this.#refusals.get(identityOf(nexthop));
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #ensure(nexthop: Uint8Array): RegisteredNexthop {
    const identity = identityOf(nexthop);
    const known = this.#byIdentity.get(identity);
    if (known !== undefined) return known;
    const bytes = weighted(nexthop, 1);
    return this.#add({ id: this.#ids.take(), identity, bytes, uses: 0, present: false, onlink: false });
  }

  #add(nexthop: RegisteredNexthop): RegisteredNexthop {
    this.#byIdentity.set(nexthop.identity, nexthop);
    this.#byId.set(nexthop.id, nexthop);
    return nexthop;
  }

  /** Of no use any more, it is to be deleted; and forgotten, where the kernel has it not. */
  #review(nexthop: RegisteredNexthop): void {
    if (nexthop.present && !nexthop.onlink && nexthop.uses > 0) this.#offlink.add(nexthop);
    else this.#offlink.delete(nexthop);
    if (nexthop.uses > 0) return;
    if (nexthop.present) {
      this.#unused.add(nexthop);
      return;
    }
    this.#unused.delete(nexthop);
    this.#byId.delete(nexthop.id);
    if (this.#byIdentity.get(nexthop.identity) === nexthop) this.#byIdentity.delete(nexthop.identity);
    this.#ids.release(nexthop.id);
  }
}
