/**
 * A few Kubernetes objects of one kind, read into what is wanted of them, by name. An object that can not be
 * understood stays as it was last understood.
 */
import { FlockError } from '../../base/errors.ts';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { defaultTiming, ListWatch, type ListWatchTiming } from './kubernetes-list-watch.ts';

export interface KubernetesCollectionOptions<T> {
  client: KubernetesClient;
  /** Such as `/api/v1/namespaces`. */
  path: string;
  /** For the log, such as `the namespaces`. */
  what: string;
  /** Default: all of them. */
  fieldSelector?: string;
  /** What is wanted of an object; throws a FlockError for one that is not as it should be. */
  read: (object: unknown, name: string) => T;
  log: Log;
  timing?: Partial<ListWatchTiming>;
}

export class KubernetesCollection<T> {
  readonly #options: KubernetesCollectionOptions<T>;
  readonly #listWatch: ListWatch;
  readonly #values = new Map<string, T>();
  readonly #problems = new Map<string, FlockError>();
  readonly #listeners = new Listeners();
  #synced = false;

  constructor(options: KubernetesCollectionOptions<T>) {
    this.#options = options;
    const { client, path, what, fieldSelector = '', log, timing } = options;
    this.#listWatch = new ListWatch({
      client,
      path,
      what,
      fieldSelector,
      log,
      timing: { ...defaultTiming, ...timing },
      target: {
        replace: objects => this.#replace(objects),
        upsert: object => {
          if (this.#put(object)) this.#listeners.notify();
        },
        remove: object => {
          if (this.#drop(nameOf(object))) this.#listeners.notify();
        },
      },
    });
  }

  /** True once a full list was seen. */
  get synced(): boolean {
    return this.#synced;
  }

  /** By name: a live view. */
  snapshot(): ReadonlyMap<string, T> {
    return this.#values;
  }

  /** What is wrong with objects now, by name. */
  problems(): ReadonlyMap<string, FlockError> {
    return this.#problems;
  }

  /** Calls `listener` after each change, and after the first list. The function returned takes it off again. */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  start(): void {
    this.#listWatch.start();
  }

  /** Ends at once; what is known stays. */
  stop(): void {
    this.#listWatch.stop();
  }

  #replace(objects: unknown[]): void {
    const present = new Set(objects.map(nameOf));
    let changed = !this.#synced;
    this.#synced = true;
    for (const name of [...this.#values.keys(), ...this.#problems.keys()]) {
      if (!present.has(name) && this.#drop(name)) changed = true;
    }
    for (const object of objects) if (this.#put(object)) changed = true;
    if (changed) this.#listeners.notify();
  }

  /** @returns whether anything is other than before */
  #put(object: unknown): boolean {
    const { read, log } = this.#options;
    const name = nameOf(object);
    const problem = this.#problems.get(name);
    try {
      const value = read(object, name);
      this.#problems.delete(name);
      const same = JSON.stringify(this.#values.get(name)) === JSON.stringify(value);
      if (!same) this.#values.set(name, value);
      return !same || problem !== undefined;
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      const { code, message, remedy } = error;
      if (problem?.message === message) return false;
      log.warn({ code, remedy }, `kubernetes: ${message}`);
      this.#problems.set(name, error);
      return true;
    }
  }

  #drop(name: string): boolean {
    const hadProblem = this.#problems.delete(name);
    return this.#values.delete(name) || hadProblem;
  }
}

function nameOf(object: unknown): string {
  return String((object as { metadata?: { name?: unknown } } | null)?.metadata?.name ?? '');
}
