/**
 * Network laboratories: namespaces, veth pairs and processes that are created and removed together.
 *
 * A lab owns everything it makes. `destroy()` ends its processes and deletes its namespaces and its folder;
 * the same happens when the program exits early. What a killed program left behind is swept by the next lab,
 * which knows its own kind by name: `fa<pid>-<n>-<role>`.
 */
import { type ChildProcess, execFile, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const namespaceFolder = '/run/netns';
const ownName = /^fa(\d+)-\d+-/;

let labs = 0;
const alive = new Set<Lab>();
process.on('exit', () => {
  for (const lab of alive) lab.destroyNow();
});

/** One network namespace, a "host" of the lab. */
export class Namespace {
  readonly lab: Lab;
  /** The role it plays in the lab, such as `router`. */
  readonly role: string;
  /** The name `ip netns` knows it by. */
  readonly name: string;
  /** What `RouteSocket` and nsenter open. */
  readonly path: string;

  constructor(lab: Lab, role: string, name: string) {
    this.lab = lab;
    this.role = role;
    this.name = name;
    this.path = join(namespaceFolder, name);
  }

  /** Runs `ip ARGS` here and returns its output; the error of a failure contains ip's message. */
  async ip(...args: string[]): Promise<string> {
    return (await run('ip', ['-n', this.name, ...args])).stdout;
  }

  /** Runs `ip -json ARGS` here and gives the parsed answer. */
  async ipJson<T = Record<string, unknown>[]>(...args: string[]): Promise<T> {
    const text = await this.ip('-json', ...args);
    return JSON.parse(text.trim() === '' ? '[]' : text) as T;
  }

  /** Runs many ip commands, one a line, in one process. */
  async ipBatch(lines: string[]): Promise<void> {
    const child = run('ip', ['-n', this.name, '-batch', '-'], {
      maxBuffer: 1 << 26,
    });
    // An ip that ends before it has read all says why by its exit.
    child.child.stdin?.on('error', () => undefined);
    child.child.stdin?.end(`${lines.join('\n')}\n`);
    await child;
  }

  /** Runs a program here to its end and gives its standard output. */
  async exec(command: string, ...args: string[]): Promise<string> {
    return (
      await run('nsenter', [`--net=${this.path}`, command, ...args], {
        maxBuffer: 1 << 26,
      })
    ).stdout;
  }

  /** Starts a program here; the lab ends it at the latest when it is destroyed. */
  spawn(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    return this.lab.track(spawn('nsenter', [`--net=${this.path}`, command, ...args], options));
  }

  /** Sets network sysctls here, such as `{ 'net.ipv4.ip_forward': 1 }`. */
  async sysctl(values: Record<string, number | string>): Promise<void> {
    const pairs = Object.entries(values).map(([key, value]) => `${key}=${value}`);
    await this.exec('sysctl', '-q', '-w', ...pairs);
  }

  /** Gives an interface its addresses, such as `192.0.2.1/24`, and sets it up. */
  async configure(interfaceName: string, ...addresses: string[]): Promise<void> {
    await this.ipBatch([
      ...addresses.map(
        address => `addr add ${address} dev ${interfaceName}${address.includes(':') ? ' nodad' : ''}`,
      ),
      `link set ${interfaceName} up`,
    ]);
  }
}

export class Lab {
  /** A folder of the lab's own, removed with it. */
  readonly dir: string;
  readonly #prefix: string;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #children = new Set<ChildProcess>();

  private constructor() {
    this.#prefix = `fa${process.pid}-${++labs}-`;
    this.dir = mkdtempSync(join(tmpdir(), 'flock-lab-'));
    alive.add(this);
  }

  static async create(): Promise<Lab> {
    await sweepAbandoned();
    return new Lab();
  }

  /** Makes a namespace with loopback up and no IPv6 duplicate address detection to wait for. */
  async namespace(role: string): Promise<Namespace> {
    const name = this.#prefix + role;
    const namespace = new Namespace(this, role, name);
    this.#namespaces.set(role, namespace);
    await run('ip', ['netns', 'add', name]);
    await namespace.sysctl({
      'net.ipv6.conf.all.accept_dad': 0,
      'net.ipv6.conf.default.accept_dad': 0,
      'net.ipv6.conf.all.disable_ipv6': 0,
    });
    await namespace.ip('link', 'set', 'lo', 'up');
    return namespace;
  }

  /** Joins two namespaces by a veth pair; `configure` sets the ends up. */
  async link(
    left: Namespace,
    leftInterface: string,
    right: Namespace,
    rightInterface: string,
  ): Promise<void> {
    await left.ip(
      'link',
      'add',
      leftInterface,
      'type',
      'veth',
      'peer',
      'name',
      rightInterface,
      'netns',
      right.name,
    );
  }

  /** Deletes one namespace before the lab's end, as a pod's sandbox goes. */
  async removeNamespace(namespace: Namespace): Promise<void> {
    this.#namespaces.delete(namespace.role);
    await run('ip', ['netns', 'delete', namespace.name]);
  }

  /** Makes this lab responsible for a process. */
  track(child: ChildProcess): ChildProcess {
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Ends processes (a second to leave by themselves, then by force), namespaces and the folder. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#children].map(child => endChild(child, 1000)));
    this.destroyNow();
  }

  /** The same without waiting, for a program that is exiting. */
  destroyNow(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#children.clear();
    for (const { name } of this.#namespaces.values()) {
      try {
        execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
      } catch {
        // Already deleted, or never created: both are fine.
      }
    }
    this.#namespaces.clear();
    rmSync(this.dir, { recursive: true, force: true });
    alive.delete(this);
  }
}

/** Asks a process to end and forces it after `graceMs` milliseconds. */
export async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(timer);
}

/** How many times as long anything may take: for machines that are emulated (`scripts/kernel-vm`). */
export const patience = Number(process.env.FLOCK_TEST_PATIENCE ?? 1);
/** Far longer than any wait takes, also on a slow and busy machine. */
const patienceMs = 120_000;

/**
 * Waits until `probe` gives something other than undefined or false, and gives that.
 * Fails with `what` and the last error when `timeoutMs` milliseconds are over, or `patience` times as many.
 */
export async function eventually<T>(
  what: string | (() => string),
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = patienceMs, intervalMs = 20 } = {},
): Promise<T> {
  const deadline = performance.now() + patience * timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      const because = failure === undefined ? '' : `; at last: ${failure}`;
      throw new Error(
        `not seen within ${patience * timeoutMs} ms: ${typeof what === 'string' ? what : what()}${because}`,
        failure === undefined ? {} : { cause: failure },
      );
    }
    await new Promise(resolve => setTimeout(resolve, intervalMs));
  }
}

/** Deletes namespaces whose program no longer lives. */
async function sweepAbandoned(): Promise<void> {
  let names: string[];
  try {
    names = readdirSync(namespaceFolder);
  } catch {
    return;
  }
  for (const name of names) {
    const pid = ownName.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await run('ip', ['netns', 'delete', name]).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
