/** The pod manifests that the agents watch, and the time of each change. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodPlan } from '../../test/support/anycast-net/plan.ts';
import { podManifest } from './files.ts';

export class PodFiles {
  readonly #folder: (pod: PodPlan) => string;

  /** @param folder with the pods of a pod's node */
  constructor(folder: (pod: PodPlan) => string) {
    this.#folder = folder;
  }

  /** Writes a pod's first manifest, not Ready. */
  create(pod: PodPlan): void {
    mkdirSync(this.#folder(pod), { recursive: true });
    writeFileSync(this.path(pod), podManifest(pod, false));
  }

  /**
   * Sets a pod Ready or not Ready, by one rename.
   *
   * @returns when, in milliseconds of the Unix epoch
   */
  setReady(pod: PodPlan, ready: boolean): number {
    const written = join(this.#folder(pod), `.${pod.name}.new`);
    writeFileSync(written, podManifest(pod, ready));
    const at = nextTick();
    renameSync(written, this.path(pod));
    return at;
  }

  /** The manifest of a pod. */
  path(pod: PodPlan): string {
    return join(this.#folder(pod), `${pod.name}.yaml`);
  }
}

/**
 * The system clock, as `ip monitor` reads it. Node returns whole milliseconds only: waiting until the next one
 * begins gives an exact time, and costs a millisecond at most.
 */
function nextTick(): number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return now;
}
