/** The shape of every input: values by a key, and a notification of changes. */

/** A source of values by `namespace/name`. */
export interface Source<Value> {
  /** True when everything has been read once: before that, an absent value means nothing. */
  readonly synced: boolean;
  /** A value is never changed in place: another value is another object, and an unchanged one stays the same object. */
  snapshot(): ReadonlyMap<string, Value>;
  /** Calls `listener` with the keys that changed, after the change is in force. @returns what ends it */
  onChange(listener: (keys: ReadonlySet<string>) => void): () => void;
}
