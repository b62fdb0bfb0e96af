/**
 * Pods from a folder of manifests with status, one pod a file: for hosts without Kubernetes, the demo and tests.
 *
 * An event names one file, and that one is read at once. A rescan stands behind the events, since `fs.watch`
 * tells neither of a queue overflow nor of a change behind a symbolic link (man 7 inotify); it reads only what
 * has changed. A file that turns bad keeps its last good pod, and is reported if the rescan finds it still bad:
 * an event may well have come in the middle of a write.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { FlockError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Pod, podKey } from './pod.ts';
import type { PodCache } from './pod-cache.ts';
import { fileSignature, isManifestName, readPodFile } from './pod-file.ts';

export interface PodDirectoryOptions {
  /** The folder. */
  path: string;
  cache: PodCache;
  log: Log;
  /** Milliseconds between two rescans. */
  rescanMs?: number;
  /** Annotations kept on a pod are those whose key begins with one of these. */
  annotationPrefixes?: readonly string[];
}

/** A file as last read. */
interface Entry {
  signature: string | undefined;
  /** Its last good content. */
  pod: Pod | undefined;
  problem: FlockError | undefined;
}

export class PodDirectory {
  readonly #path: string;
  readonly #cache: PodCache;
  readonly #log: Log;
  readonly #rescanMs: number;
  readonly #annotationPrefixes: readonly string[];
  readonly #entries = new Map<string, Entry>();
  /** Which files describe a pod, by its key. The first by name is in force. */
  readonly #claims = new Map<string, Set<string>>();
  /** Problems already in the log, so that each is told once and its end too. */
  #reported = new Map<string, string>();
  #watcher: FSWatcher | undefined;
  #watched: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ path, cache, log, rescanMs = 2000, annotationPrefixes = [] }: PodDirectoryOptions) {
    this.#path = path;
    this.#cache = cache;
    this.#log = log;
    this.#rescanMs = rescanMs;
    this.#annotationPrefixes = annotationPrefixes;
  }

  /**
   * Reads the folder, and follows it from then on. The cache is synced when this resolves.
   * @throws FlockError FLOCK_CONFIG_INVALID when the folder can not be read
   */
  async start(): Promise<void> {
    let names: string[];
    try {
      // Watch first: what changes between the two is then read twice rather than never.
      this.#watchFolder();
      names = readdirSync(this.#path);
    } catch (cause) {
      this.stop();
      throw new FlockError(
        'FLOCK_CONFIG_INVALID',
        `can not read the folder of pods ${this.#path}: ${(cause as Error).message}`,
        { value: this.#path, remedy: 'make it a readable folder, or correct pods.path', cause },
      );
    }
    for (const name of names.filter(isManifestName)) this.#read(name);
    this.#cache.replace([...this.#claims.keys()].flatMap(key => this.#podInForce(key) ?? []));
    this.#report();
    this.#timer = setInterval(() => this.#rescan(), this.#rescanMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unwatchFolder();
  }

  #rescan(): void {
    let names: string[];
    try {
      this.#watchFolder();
      names = readdirSync(this.#path);
    } catch (error) {
      this.#report(error as Error);
      return;
    }
    const present = new Set(names.filter(isManifestName));
    for (const name of this.#entries.keys()) if (!present.has(name)) this.#look(name);
    for (const name of present) {
      if (!this.#isUnchanged(name)) this.#look(name);
    }
    this.#report();
  }

  #isUnchanged(name: string): boolean {
    const entry = this.#entries.get(name);
    try {
      return entry !== undefined && fileSignature(join(this.#path, name)) === entry.signature;
    } catch {
      return false;
    }
  }

  /** Reads one file and brings the cache up to date with it. */
  #look(name: string): void {
    for (const key of this.#read(name)) {
      const pod = this.#podInForce(key);
      if (pod === undefined) this.#cache.remove(key);
      else this.#cache.upsert(pod);
    }
  }

  /** Reads one file into its entry. Gives the keys of the pods it described before and describes now. */
  #read(name: string): Set<string> {
    const path = join(this.#path, name);
    const entry: Entry = { signature: undefined, pod: this.#entries.get(name)?.pod, problem: undefined };
    const before = entry.pod;
    try {
      // Before the content: a write in between leaves an old signature, and the rescan reads again.
      entry.signature = fileSignature(path);
      entry.pod = readPodFile(path, this.#annotationPrefixes);
    } catch (error) {
      if (isGone(error)) {
        // A folder that vanished says nothing about the pods that were described in it.
        if (!this.#isFolderThere()) return new Set();
        this.#entries.delete(name);
        return this.#claim(name, before, undefined);
      }
      entry.problem = error as FlockError;
    }
    this.#entries.set(name, entry);
    return this.#claim(name, before, entry.pod);
  }

  /** Moves a file's claim from the pod it described to the one it describes. */
  #claim(name: string, before: Pod | undefined, after: Pod | undefined): Set<string> {
    const keys = new Set<string>();
    if (before !== undefined) {
      const key = podKey(before.namespace, before.name);
      const names = this.#claims.get(key);
      names?.delete(name);
      if (names?.size === 0) this.#claims.delete(key);
      keys.add(key);
    }
    if (after !== undefined) {
      const key = podKey(after.namespace, after.name);
      this.#claims.set(key, (this.#claims.get(key) ?? new Set()).add(name));
      keys.add(key);
    }
    return keys;
  }

  #podInForce(key: string): Pod | undefined {
    const [first] = [...(this.#claims.get(key) ?? [])].sort();
    return first === undefined ? undefined : this.#entries.get(first)?.pod;
  }

  #isFolderThere(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  /** (Re)places the watch when the folder is another one than the one watched. */
  #watchFolder(): void {
    const { dev, ino } = statSync(this.#path);
    const identity = `${dev}:${ino}`;
    if (identity === this.#watched) return;
    this.#unwatchFolder();
    this.#watched = identity;
    try {
      this.#watcher = watch(this.#path, (_event, name) => {
        if (name !== null && isManifestName(name)) this.#look(name);
      });
      this.#watcher.on('error', () => this.#unwatchFolder());
    } catch (cause) {
      // ENOSPC: out of inotify watches. The rescan does it alone, later than an event would.
      this.#log.warn(
        { path: this.#path, remedy: 'raise fs.inotify.max_user_watches and max_user_instances' },
        `pods: changes are seen every ${this.#rescanMs} ms only: ${(cause as Error).message}`,
      );
    }
  }

  #unwatchFolder(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
  }

  /** Tells what is wrong now and was not told before, and what is no longer wrong. */
  #report(folderProblem?: Error): void {
    const problems = new Map<string, FlockError>();
    if (folderProblem !== undefined) {
      const message = `can not read the folder ${this.#path}: ${folderProblem.message}`;
      const remedy = 'bring it back; what was known of its pods stands until then';
      problems.set(this.#path, new FlockError('FLOCK_POD_INVALID', message, { remedy }));
    }
    for (const [name, { problem }] of this.#entries) if (problem) problems.set(name, problem);
    for (const [key, names] of this.#claims)
      if (names.size > 1) problems.set(key, this.#duplicate(key, names));

    for (const [what, { code, message, remedy }] of problems) {
      if (this.#reported.get(what) !== message) this.#log.warn({ code, remedy }, `pods: ${message}`);
    }
    for (const what of this.#reported.keys()) {
      if (!problems.has(what)) this.#log.info(`pods: ${what}: good again`);
    }
    this.#reported = new Map([...problems].map(([what, { message }]) => [what, message]));
  }

  #duplicate(key: string, names: ReadonlySet<string>): FlockError {
    const [first, ...others] = [...names].sort();
    const message = `${key} is described by ${first} and by ${others.join(', ')}; ${first} is in force`;
    return new FlockError('FLOCK_POD_INVALID', message, { value: key, remedy: 'keep one file a pod' });
  }
}

function isGone(error: unknown): boolean {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
