/** Waits for a condition, until a signal or a timeout; the error describes the last state. */
import { eventually } from '../../test/support/lab.ts';

export interface UntilOptions<T> {
  signal: AbortSignal;
  /** Returns a value when the condition is met. */
  probe: () => Promise<T | undefined>;
  /** A description of the last state. */
  seen: () => string;
  timeoutMs?: number;
  intervalMs?: number;
}

export async function until<T>({ signal, probe, seen, ...times }: UntilOptions<T>): Promise<T> {
  const found = await eventually(
    '',
    async () => {
      if (signal.aborted) return { value: undefined };
      const value = await probe();
      return value === undefined ? undefined : { value };
    },
    times,
  ).catch((cause: Error) => {
    throw new Error(seen(), { cause: cause.cause });
  });
  signal.throwIfAborted();
  return found.value as T;
}
