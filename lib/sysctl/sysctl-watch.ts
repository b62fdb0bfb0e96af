/**
 * Watches the node's settings for as long as the agent runs. Those of the node are read every `everyMs`; those of
 * pods' interfaces when an interface is new, once more with the next reading, for a CNI may set them after it made the
 * interface, and every `auditMs`.
 *
 * What is wrong is set where the agent may do so. Otherwise it is a finding. A family that the node can not forward
 * is `unforwarded` while its finding stands: whoever announces withdraws it.
 */
import type { Family } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { Listeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import { TimeSlice } from '../base/time-slice.ts';
import { checkNode, checkPodInterface, type Finding, mayTurnIpv6ForwardingOn } from './checks.ts';
import { FindingLog } from './finding-log.ts';
import { procSysctls, type Sysctls } from './sysctls.ts';

export interface SysctlWatchOptions {
  sysctls?: Sysctls;
  /** Whether wrong settings are set where that is permitted. */
  set: boolean;
  /** Families that are announced, now: a node of IPv4 alone need not forward IPv6. */
  families: () => ReadonlySet<Family>;
  /** Interfaces that lead to pods, now. */
  podInterfaces: () => ReadonlySet<string>;
  /** Whether BIRD learns routes through nexthop groups from the kernel, now. */
  learnsGroups: () => boolean;
  /**
   * Whether it is known by now what is announced. Before that nothing is set and nothing is told; but what may be
   * announced and is not forwarded is `unforwarded`. Default: it is known.
   */
  knowsUse?: () => boolean;
  /** Links that lead to an IPv6 default route of a router advertisement, now. */
  advertisedDefaults: () => Promise<readonly string[]>;
  clock: Clock;
  /** Between two readings of the node's settings, in milliseconds. */
  everyMs: number;
  /** Between two readings of all pods' interfaces, in milliseconds. */
  auditMs: number;
  log: Log;
}

/** New interfaces come in bursts: they are looked at together, this many milliseconds after the first. */
const burstMs = 20;
/** A look at an interface takes as long as so many of the steps that slices are counted in. */
const stepsPerInterface = 16;

export class SysctlWatch {
  readonly #options: SysctlWatchOptions;
  readonly #sysctls: Sysctls;
  readonly #slice: TimeSlice;
  readonly #log: FindingLog;
  readonly #failure = new RepeatedFailure();
  readonly #unread = new RepeatedFailure();
  readonly #listeners = new Listeners();
  #ofNode: readonly Finding[] = [];
  /** By the interface's name; those without a finding are left out. */
  readonly #ofInterfaces = new Map<string, readonly Finding[]>();
  /** Interfaces that lead to pods, as of the last audit and since. */
  #podInterfaces = new Set<string>();
  /** Those to look at soon. */
  #new = new Set<string>();
  /** Those to look at again with the next reading. */
  #again = new Set<string>();
  /** Why settings could not be set, by key. */
  readonly #why = new Map<string, string>();
  #unforwarded: ReadonlySet<Family> = new Set();
  #auditAt = Number.NEGATIVE_INFINITY;
  #cancelReading: () => void = () => {};
  #cancelNew: (() => void) | undefined;
  /** The look that was asked for last: one at a time. */
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SysctlWatchOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#sysctls = options.sysctls ?? procSysctls;
    this.#slice = new TimeSlice(() => clock.now());
    this.#log = new FindingLog(log, clock);
  }

  /** Resolves after the first look at everything. */
  async start(): Promise<void> {
    await this.look();
    const { clock, everyMs } = this.#options;
    if (!this.#stopped) this.#cancelReading = clock.after(everyMs, () => void this.start());
  }

  /** Resolves when no look is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelReading();
    this.#cancelNew?.();
    await this.#turn;
  }

  /** Calls `listener` when `unforwarded` has changed. @returns unsubscribes */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** What is wrong now; first what keeps a whole family from being announced. */
  get findings(): readonly Finding[] {
    return [...this.#ofNode, ...[...this.#ofInterfaces.values()].flat()];
  }

  /** Families that this node can not forward; the same object until that changes. */
  get unforwarded(): ReadonlySet<Family> {
    return this.#unforwarded;
  }

  /** Looks at the node's settings, and at those of interfaces that are due. */
  look(): Promise<void> {
    return this.#inTurn(async () => {
      const { clock, auditMs, podInterfaces } = this.#options;
      const isAudit = clock.now() >= this.#auditAt;
      if (isAudit) {
        this.#auditAt = clock.now() + auditMs;
        this.#podInterfaces = new Set(podInterfaces());
      }
      await this.#lookAtNode();
      const again = this.#again;
      this.#again = new Set();
      await (isAudit ? this.#audit() : this.#lookAtInterfaces(again));
    });
  }

  /** What is announced has changed: looks at everything. */
  lookAtAll(): void {
    this.#auditAt = Number.NEGATIVE_INFINITY;
    if (!this.#stopped) void this.look();
  }

  /** Interfaces that lead to pods, and may be new. */
  lookAt(names: Iterable<string>): void {
    for (const name of names) {
      this.#podInterfaces.add(name);
      this.#new.add(name);
    }
    if (this.#new.size === 0 || this.#stopped) return;
    this.#cancelNew ??= this.#options.clock.after(burstMs, () => {
      this.#cancelNew = undefined;
      const found = this.#new;
      this.#new = new Set();
      for (const name of found) this.#again.add(name);
      void this.#inTurn(() => this.#lookAtInterfaces(found));
    });
  }

  /** Interfaces of any kind that came or changed. */
  linksChanged(names: Iterable<string>): void {
    this.lookAt([...names].filter(name => this.#podInterfaces.has(name)));
  }

  get #knowsUse(): boolean {
    return this.#options.knowsUse?.() ?? true;
  }

  /** Where settings can not be read, what was found last stands. */
  #inTurn(look: () => Promise<void>): Promise<void> {
    const { log } = this.#options;
    this.#turn = this.#turn
      .then(look)
      .then(() => {
        this.#unread.end();
        if (this.#knowsUse) this.#log.take(this.findings, this.#why);
      })
      .catch((error: NodeJS.ErrnoException) => {
        // The message names the setting, and the next try may come further.
        if (this.#unread.isNew(error.code ?? error.message))
          log.error({ error }, "can not check the node's settings");
      });
    return this.#turn;
  }

  async #lookAtNode(): Promise<void> {
    const { families, learnsGroups } = this.#options;
    // Asked before anything is set, and only where it matters: the kernel may have very many routes.
    const advertisedDefaults = mayTurnIpv6ForwardingOn(this.#sysctls) ? await this.#advertisedDefaults() : [];
    const use = {
      families: families(),
      podInterfaces: this.#podInterfaces,
      learnsGroups: learnsGroups(),
      advertisedDefaults,
    };
    this.#ofNode = this.#settle(() => checkNode(this.#sysctls, use));
    const unforwarded = new Set(this.#ofNode.flatMap(({ unforwarded = [] }) => unforwarded));
    if ([...unforwarded].join() === [...this.#unforwarded].join()) return;
    this.#unforwarded = unforwarded;
    this.#listeners.notify();
  }

  async #advertisedDefaults(): Promise<readonly string[] | undefined> {
    try {
      const links = await this.#options.advertisedDefaults();
      this.#failure.end();
      return links;
    } catch (error) {
      const { message } = error as Error;
      if (this.#failure.isNew(message))
        this.#options.log.warn({ error: message }, 'can not read where IPv6 default routes come from');
      return undefined;
    }
  }

  async #audit(): Promise<void> {
    for (const name of this.#ofInterfaces.keys())
      if (!this.#podInterfaces.has(name)) this.#ofInterfaces.delete(name);
    await this.#lookAtInterfaces(this.#podInterfaces);
    const isGone = (key: string) => this.#sysctls.read(key) === undefined;
    for (const key of this.#why.keys()) if (isGone(key)) this.#why.delete(key);
    this.#log.forget(isGone);
  }

  async #lookAtInterfaces(names: Iterable<string>): Promise<void> {
    const families = this.#options.families();
    for (const name of names) {
      const found = this.#settle(() => checkPodInterface(this.#sysctls, name, families));
      if (found.length > 0) this.#ofInterfaces.set(name, found);
      else this.#ofInterfaces.delete(name);
      if (this.#slice.isOver(stepsPerInterface)) await this.#slice.yield();
    }
  }

  /** Sets what is wrong and may be set. @returns what is wrong after that */
  #settle(find: () => Finding[]): Finding[] {
    const wrong = find();
    if (!this.#options.set || !this.#knowsUse || wrong.length === 0) return wrong;
    return wrong.map(each => this.#set(each)).includes(true) ? find() : wrong;
  }

  /** @returns whether it was set */
  #set(finding: Finding): boolean {
    const { key, right } = finding;
    if (right === undefined) return false;
    const was = this.#sysctls.read(key);
    try {
      this.#sysctls.write(key, right);
    } catch (error) {
      this.#why.set(key, (error as Error).message);
      return false;
    }
    this.#why.delete(key);
    this.#log.set(finding, was);
    return true;
  }
}
