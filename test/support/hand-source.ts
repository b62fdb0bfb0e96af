/** A source whose values the test sets. */

import { Listeners } from '../../lib/base/listeners.ts';
import type { Source } from '../../lib/base/source.ts';

export class HandSource<Value> implements Source<Value> {
  synced = true;
  readonly values = new Map<string, Value>();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();

  snapshot(): ReadonlyMap<string, Value> {
    return this.values;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Notifies that these have changed. */
  change(...keys: string[]): void {
    this.#listeners.notify(new Set(keys));
  }

  /** Sets a value, or with undefined deletes it, and notifies. */
  set(key: string, value: Value | undefined): void {
    if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
    this.change(key);
  }
}
