/** The last known pods of this node. Sources write, the reconciler reads; neither knows the other. */
import { Listeners } from '../../base/listeners.ts';
import { type Pod, podKey } from './pod.ts';

/** Pods by `namespace/name`, with a notification when some change. */
export class PodCache {
  readonly #pods = new Map<string, Pod>();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();
  #synced = false;

  /** True once a full list was seen. Before that an absent pod means nothing. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Pods by `namespace/name`: a live view, to be read without awaiting; a pod in it is never changed in place. */
  snapshot(): ReadonlyMap<string, Pod> {
    return this.#pods;
  }

  /**
   * Calls `listener` with the keys that were added, changed or removed, after the change is in force; for the first
   * full list also when it changes no pod, because `synced` changed. The function returned unsubscribes it.
   */
  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Takes a full list: other pods are gone. One notification for all of it, and none if nothing changed. */
  replace(pods: Iterable<Pod>): void {
    const gone = new Set(this.#pods.keys());
    const changed = new Set<string>();
    for (const pod of pods) {
      const key = podKey(pod.namespace, pod.name);
      gone.delete(key);
      if (this.#put(key, pod)) changed.add(key);
    }
    for (const key of gone) {
      this.#pods.delete(key);
      changed.add(key);
    }
    this.#notify(changed);
  }

  /**
   * Takes over some pods of a source that has seen a full list: of `keys`, those that are not in `pods` are gone.
   * One notification for all of them, and none if nothing changed.
   */
  update(keys: Iterable<string>, pods: ReadonlyMap<string, Pod>): void {
    const changed = new Set<string>();
    for (const key of keys) {
      const pod = pods.get(key);
      if (pod === undefined ? this.#pods.delete(key) : this.#put(key, pod)) changed.add(key);
    }
    this.#notify(changed);
  }

  /** A pod as it is now; another uid under a known name is another pod, and a change. */
  upsert(pod: Pod): void {
    const key = podKey(pod.namespace, pod.name);
    if (this.#put(key, pod)) this.#listeners.notify(new Set([key]));
  }

  /** @param key `namespace/name`; an unknown one is no change */
  remove(key: string): void {
    if (this.#pods.delete(key)) this.#listeners.notify(new Set([key]));
  }

  /** After a full list or a part of one; the first is a change of `synced`. */
  #notify(changed: ReadonlySet<string>): void {
    const isFirst = !this.#synced;
    this.#synced = true;
    if (isFirst || changed.size > 0) this.#listeners.notify(changed);
  }

  #put(key: string, pod: Pod): boolean {
    const known = this.#pods.get(key);
    if (known !== undefined && samePod(known, pod)) return false;
    this.#pods.set(key, pod);
    return true;
  }
}

function samePod(left: Pod, right: Pod): boolean {
  return (
    left.uid === right.uid &&
    left.staticUid === right.staticUid &&
    left.nodeName === right.nodeName &&
    left.ready === right.ready &&
    left.notOwnWord === right.notOwnWord &&
    left.terminating === right.terminating &&
    left.containersTerminated === right.containersTerminated &&
    left.hostNetwork === right.hostNetwork &&
    left.serviceAccount === right.serviceAccount &&
    left.podIPs.length === right.podIPs.length &&
    left.podIPs.every((address, index) => address === right.podIPs[index]) &&
    sameAnnotations(left.annotations, right.annotations)
  );
}

function sameAnnotations(left: Pod['annotations'], right: Pod['annotations']): boolean {
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every(key => Object.hasOwn(right, key) && left[key] === right[key])
  );
}
