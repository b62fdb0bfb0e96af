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

/** A route without any effect on the tests: in the network of loopback. */
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
      // It prints times in local time.
      env: { ...process.env, TZ: 'UTC' },
    });
    if (child.stdout === null || child.pid === undefined) throw new Error('ip monitor did not start');
    goFirst(child.pid);
    const watch = new KernelWatch(namespace, child);
    createInterface(child.stdout).on('line', line => watch.#take(line));
    // It does not report when it begins to listen.
    await watch.#hearsProbe();
    return watch;
  }

  /** Ends it after it has reported everything up to now. */
  async stop(): Promise<void> {
    await this.#hearsProbe();
    await endChild(this.#child, 1000);
  }

  /** Adds a route and waits until it is reported: everything before has then been reported too. */
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

/** High priority: an observer that waits for the CPU records times that are too late. Not permitted to every user. */
function goFirst(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Not permitted: then its times are late while other processes use the CPU.
  }
}
