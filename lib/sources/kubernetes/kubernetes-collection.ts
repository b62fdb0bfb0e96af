/**
 * Kubernetes objects of one kind, each parsed into what is needed of it: a list-watch into a map. An object that
 * can not be parsed stays as it was last parsed, and is reported once.
 */
import { FlockError } from '../../base/errors.ts';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { ListWatch, type Place } from './kubernetes-list-watch.ts';
import { defaultTiming, type ListWatchTiming } from './list-watch-timing.ts';

/** What every collection of a cluster is made with. */
export interface ClusterAccess {
  client: KubernetesClient;
  log: Log;
  timing?: Partial<ListWatchTiming> | undefined;
}

export interface KubernetesCollectionOptions<T> extends ClusterAccess, Place {
  /** For the log, such as `the namespaces`. */
  what: string;
  /** As in `ListWatchOptions`. */
  otherwise?: Place;
  /** The key of an object of any shape. Default: its name, which is enough for one namespace or none. */
  keyOf?: (object: unknown) => string;
  /** What is needed of an object, and all that is kept of it; throws a FlockError for an invalid one. */
  read: (object: unknown, key: string) => T;
}

export class KubernetesCollection<T> {
  readonly #options: KubernetesCollectionOptions<T>;
  readonly #keyOf: (object: unknown) => string;
  readonly #listWatch: ListWatch;
  readonly #values = new Map<string, T>();
  readonly #problems = new Map<string, FlockError>();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();
  #synced = false;

  constructor(options: KubernetesCollectionOptions<T>) {
    this.#options = options;
    const { keyOf = nameOf, timing } = options;
    this.#keyOf = keyOf;
    this.#listWatch = new ListWatch({
      ...options,
      timing: { ...defaultTiming, ...timing },
      target: {
        replace: objects => this.#replace(objects),
        upsert: object => {
          const key = keyOf(object);
          if (this.#put(key, object)) this.#listeners.notify(new Set([key]));
        },
        remove: object => {
          const key = keyOf(object);
          if (this.#drop(key)) this.#listeners.notify(new Set([key]));
        },
      },
    });
  }

  /** True once a full list was seen. Before that an absent object means nothing. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Whether the values are those that the server has now, as far as is known. */
  get isConnected(): boolean {
    return this.#listWatch.isConnected;
  }

  /** By key: a live view; a value in it is never changed in place. */
  snapshot(): ReadonlyMap<string, T> {
    return this.#values;
  }

  /** What is wrong with objects now, by key. */
  problems(): ReadonlyMap<string, FlockError> {
    return this.#problems;
  }

  /**
   * Calls `listener` after each change with the keys whose value or problem changed, and after the first list also
   * when it is empty. The function returned unsubscribes it.
   */
  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
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
    const isFirst = !this.#synced;
    this.#synced = true;
    const byKey = new Map(objects.map(object => [this.#keyOf(object), object]));
    const changed = new Set<string>();
    for (const key of [...this.#values.keys(), ...this.#problems.keys()]) {
      if (!byKey.has(key) && this.#drop(key)) changed.add(key);
    }
    for (const [key, object] of byKey) if (this.#put(key, object)) changed.add(key);
    if (isFirst || changed.size > 0) this.#listeners.notify(changed);
  }

  /** @returns whether its value or its problem changed */
  #put(key: string, object: unknown): boolean {
    const { read, log } = this.#options;
    try {
      const value = read(object, key);
      const hadProblem = this.#problems.delete(key);
      if (JSON.stringify(this.#values.get(key)) === JSON.stringify(value)) return hadProblem;
      this.#values.set(key, value);
      return true;
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      const { code, message, remedy } = error;
      if (this.#problems.get(key)?.message === message) return false;
      log.warn({ code, remedy }, `kubernetes: ${message}`);
      // Without the offending value, which may be the whole object.
      this.#problems.set(key, new FlockError(code, message, remedy === undefined ? {} : { remedy }));
      return true;
    }
  }

  #drop(key: string): boolean {
    const hadProblem = this.#problems.delete(key);
    return this.#values.delete(key) || hadProblem;
  }
}

function nameOf(object: unknown): string {
  return String((object as { metadata?: { name?: unknown } } | null)?.metadata?.name ?? '');
}
