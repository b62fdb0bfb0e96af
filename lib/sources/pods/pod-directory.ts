/**
 * Pods from a folder of manifests with status, one pod per file: for hosts without Kubernetes, the demo and tests.
 *
 * An event names one file, and that one is read at once. A rescan finds what no event reported, and reads only
 * what has changed. A file that turns bad keeps its last good pod, and is reported if the rescan finds it still
 * bad: an event may come in the middle of a write.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FlockError } from '../../base/errors.ts';
import { fileSignature } from '../../base/file-signature.ts';
import type { Log } from '../../base/log.ts';
import { WatchedFolder } from '../../base/watched-folder.ts';
import { type Pod, podKey } from './pod.ts';
import type { PodCache } from './pod-cache.ts';
import { isManifestName, readPodFile } from './pod-file.ts';

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

/** Follows a folder of pod manifests, and keeps a cache in step with it. */
export class PodDirectory {
  readonly #path: string;
  readonly #cache: PodCache;
  readonly #log: Log;
  readonly #folder: WatchedFolder;
  readonly #annotationPrefixes: readonly string[];
  readonly #entries = new Map<string, Entry>();
  /** Which files describe a pod, by its key. The first by name is in force. */
  readonly #claims = new Map<string, Set<string>>();
  /** Problems already in the log, so that each is logged once, and its end once. */
  #reported = new Map<string, string>();

  constructor({ path, cache, log, rescanMs = 2000, annotationPrefixes = [] }: PodDirectoryOptions) {
    this.#path = path;
    this.#cache = cache;
    this.#log = log;
    this.#annotationPrefixes = annotationPrefixes;
    this.#folder = new WatchedFolder({
      path,
      what: 'pods',
      log,
      pollMs: rescanMs,
      persistent: true,
      onEvent: name => {
        if (name === undefined) this.#readChanged();
        else if (isManifestName(name)) this.#look(name);
      },
      onPoll: () => this.#report(this.#readChanged()),
    });
  }

  /**
   * Reads the folder, and follows it from then on. The cache is synced when this resolves.
   * @throws FlockError FLOCK_CONFIG_INVALID when the folder can not be read
   */
  async start(): Promise<void> {
    let names: string[];
    // Watch first: what changes between the two is then read twice rather than never.
    this.#folder.start();
    try {
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
  }

  /** Ends at once; the cache keeps what it has. */
  stop(): void {
    this.#folder.stop();
  }

  /** Reads the files that are not as they were last read. Gives the error when the folder can not be read. */
  #readChanged(): Error | undefined {
    let names: string[];
    try {
      names = readdirSync(this.#path);
    } catch (error) {
      return error as Error;
    }
    const present = new Set(names.filter(isManifestName));
    for (const name of this.#entries.keys()) if (!present.has(name)) this.#look(name);
    for (const name of present) {
      if (!this.#isUnchanged(name)) this.#look(name);
    }
    return undefined;
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
        // A missing folder says nothing about the pods that were described in it.
        if (!this.#isFolderThere()) return new Set();
        this.#entries.delete(name);
        return this.#claim(name, before, undefined);
      }
      entry.problem = error as FlockError;
      // The content was not seen, such as without a free descriptor: the next rescan reads again.
      if (causeOf(error)?.errno !== undefined) entry.signature = undefined;
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

  /** Logs what is wrong now and was not logged before, and what is no longer wrong. */
  #report(folderProblem?: Error): void {
    const problems = new Map<string, FlockError>();
    if (folderProblem !== undefined) {
      const message = `can not read the folder ${this.#path}: ${folderProblem.message}`;
      const remedy = 'restore the folder; its last known pods stay in force until then';
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
    return new FlockError('FLOCK_POD_INVALID', message, { value: key, remedy: 'keep one file per pod' });
  }
}

function isGone(error: unknown): boolean {
  return causeOf(error)?.code === 'ENOENT';
}

function causeOf(error: unknown): NodeJS.ErrnoException | undefined {
  return (error as Error).cause as NodeJS.ErrnoException | undefined;
}
