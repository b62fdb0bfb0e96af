/**
 * The head of a watch that begins with all objects (`sendInitialEvents`, served by Kubernetes 1.32, and from 1.34 on): an event for
 * each, then a bookmark that says that these were all. The server sends them one by one, where a list is one answer
 * that it must hold in memory as a whole.
 */
import { ApiStatusError, GarbageError, type WatchEvent } from './api-answer.ts';
import { Lifetime, SilenceError, TooSlowError } from './request-lifetime.ts';

const endAnnotation = 'k8s.io/initial-events-end';

/** The server did not complete what it was to begin with. */
export class IncompleteError extends Error {}

/** And would not the next time. */
class UnservedError extends IncompleteError {}

export class InitialEvents {
  readonly #lifetime: Lifetime;
  readonly #answerMs: number;
  #objects: unknown[] = [];

  /** @param signal aborts the request; so do the deadlines, which begin with `begin` */
  constructor({ answerMs }: { answerMs: number }, signal: AbortSignal) {
    this.#answerMs = answerMs;
    this.#lifetime = new Lifetime(signal);
  }

  get signal(): AbortSignal {
    return this.#lifetime.signal;
  }

  /** The watch is open. @param wholeMs milliseconds until all objects must be here */
  begin(wholeMs: number): void {
    this.#lifetime.expectWithin(this.#answerMs);
    this.#lifetime.expectWhole(wholeMs);
  }

  /**
   * @returns all objects when this event was the last of the initial ones
   * @throws UnservedError for an event that does not belong to them: the server sends none
   */
  take({ type, object }: WatchEvent): unknown[] | undefined {
    this.#lifetime.expectWithin(this.#answerMs);
    if (type === 'ADDED') {
      this.#objects.push(object);
      return undefined;
    }
    const { annotations } =
      (object as { metadata?: { annotations?: Record<string, unknown> } }).metadata ?? {};
    if (type !== 'BOOKMARK' || annotations?.[endAnnotation] !== 'true') {
      throw new UnservedError(`the API server sent an event ${type} before it had sent all objects`);
    }
    this.#lifetime.relax();
    const objects = this.#objects;
    // The watch goes on, and is not to hold what its target may have dropped.
    this.#objects = [];
    return objects;
  }

  end(): void {
    this.#lifetime.end();
  }

  /** The error of the request, or that of these deadlines. */
  errorOf(error: unknown): unknown {
    const { reason } = this.signal;
    const isOurs = reason === error && (reason instanceof SilenceError || reason instanceof TooSlowError);
    return isOurs ? new IncompleteError(reason.message) : error;
  }
}

/** Whether a list may succeed where a watch with initial events ended this way. */
export function isListWorthTrying(error: unknown): boolean {
  // A proxy that holds this kind of answer back lets a list through.
  if (error instanceof IncompleteError || error instanceof GarbageError || error instanceof SilenceError)
    return true;
  // Neither who we are nor how much we ask for changes with a list.
  return error instanceof ApiStatusError && ![401, 429].includes(error.status);
}

/** Whether this server is not to be asked again: it does not know the question, or does not answer it. */
export function isUnserved(error: unknown): boolean {
  return (
    error instanceof UnservedError || (error instanceof ApiStatusError && [400, 422].includes(error.status))
  );
}
