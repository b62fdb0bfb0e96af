/** Waiting that an interruption ends, and that says what it saw when time is up. */
import { eventually } from '../../test/support/lab.ts';

export interface UntilOptions<T> {
  signal: AbortSignal;
  /** Gives a value when what is waited for is there. */
  probe: () => Promise<T | undefined>;
  /** What was seen instead, in words. */
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
