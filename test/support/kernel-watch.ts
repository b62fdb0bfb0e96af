/**
 * What a kernel said of its links and routes, and when: stamped by an `ip monitor`, a process that is neither
 * ours nor BIRD. Link and route events come by one socket, so their order is the kernel's.
 */
import type { ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { endChild, eventually, type Namespace } from './lab.ts';

export interface Sighting {
  /** Milliseconds of the Unix epoch, with a fraction. */
  at: number;
  gone: boolean;
  /** A route's destination, or the name of a link. */
  what: string;
  line: string;
}

/** A route that harms nobody: in loopback's own net. */
const probe = '127.53.53.53';

export class KernelWatch {
  readonly seen: Sighting[] = [];
  readonly #namespace: Namespace;
  readonly #child: ChildProcess;

  private constructor(namespace: Namespace, child: ChildProcess) {
    this.#namespace = namespace;
    this.#child = child;
  }

  static async start(namespace: Namespace): Promise<KernelWatch> {
    const child = namespace.spawn('ip', ['-N', '-ts', '-o', 'monitor', 'link', 'route'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      // It stamps in local time.
      env: { ...process.env, TZ: 'UTC' },
    });
    if (child.stdout === null || child.pid === undefined) throw new Error('ip monitor did not start');
    goFirst(child.pid);
    const watch = new KernelWatch(namespace, child);
    createInterface(child.stdout).on('line', line => watch.#take(line));
    // It does not say when it begins to listen.
    await watch.#hearsProbe();
    return watch;
  }

  /** Ends it when it has told of what has happened by now. */
  async stop(): Promise<void> {
    await this.#hearsProbe();
    await endChild(this.#child, 1000);
  }

  /** Waits until it reports a route of our own, and with it all that came before. */
  async #hearsProbe(): Promise<void> {
    const before = this.seen.length;
    await eventually(`ip monitor in ${this.#namespace.role}`, async () => {
      await this.#namespace.ipBatch([`route replace ${probe} dev lo`, `route del ${probe} dev lo`]);
      return this.seen.slice(before).some(({ what }) => what === probe);
    });
  }

  /** `[2026-11-24T02:20:01.123456] Deleted 7: flock1a@if2: <…`, or `[…] 192.0.2.53 via …` of a route. */
  #take(line: string): void {
    const [, second, fraction, deleted, link, destination] =
      /^\[(\S+)(\.\d{6})\] (?:\[\w+\])?(Deleted )?(?:\d+: ([^:@\s]+)[@:]|(\S+))/.exec(line) ?? [];
    const what = link ?? destination;
    if (second === undefined || what === undefined) return;
    const at = Date.parse(`${second}Z`) + Number(fraction) * 1000;
    this.seen.push({ at, gone: deleted !== undefined, what, line });
  }
}

/** An observer that waits for its turn stamps the end of its wait. Not every user may ask for this. */
function goFirst(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Then its stamps are late by what others compute meanwhile.
  }
}
