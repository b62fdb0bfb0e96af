/** Answers of the API server: JSON, lines of events, or a refusal. Anything else is an error. */
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { shortened } from '../../base/quoted.ts';

/** etcd accepts no object above 1.5 MiB: a line of this many characters can not be an event. */
const longestLine = 8 << 20;

/** The server's own refusal. */
export class ApiStatusError extends Error {
  readonly status: number;
  /** How long the server asks its client to wait, in milliseconds; 0 if it does not ask. */
  readonly retryAfterMs: number;

  constructor(status: number, message: string, retryAfterMs = 0) {
    super(`the API server answers ${status}: ${shortened(message, 1000)}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** An answer that is not what the API promises. */
export class GarbageError extends Error {}

export interface WatchEvent {
  type: string;
  object: unknown;
}

/** A refusal of the API server is a Status object, one of a proxy can be anything. */
export async function statusErrorOf(response: IncomingMessage): Promise<ApiStatusError> {
  const body = await text(response);
  const seconds = Number(response.headers['retry-after']);
  let message: string;
  try {
    message = String(JSON.parse(body).message);
  } catch {
    message = body.slice(0, 200).trim() || (response.statusMessage ?? '');
  }
  return new ApiStatusError(response.statusCode ?? 0, message, seconds > 0 ? seconds * 1000 : 0);
}

/** @param onPiece called for each piece of the answer */
export async function textOf(response: IncomingMessage, onPiece: () => void): Promise<string> {
  response.setEncoding('utf8');
  let whole = '';
  for await (const piece of response) {
    onPiece();
    whole += piece;
  }
  return whole;
}

/**
 * @param onPiece called for each piece of the answer: whether a line begins in it that does not end there, and
 *   whether a line ends in it
 * @throws GarbageError for a line without an end
 */
export async function* linesOf(
  response: IncomingMessage,
  onPiece: (begins: boolean, ends: boolean) => void,
): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const piece of response) {
    const began = rest !== '';
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    const ends = lines.length > 0;
    onPiece(rest !== '' && (ends || !began), ends);
    yield* lines;
    if (rest.length > longestLine) throw new GarbageError('the API server sent a line without an end');
  }
  if (rest !== '') throw new GarbageError('the API server ended its answer in the middle of an event');
}

/** @throws ApiStatusError for an event of type ERROR, GarbageError for a line that is not an event */
export function parseEvent(line: string): WatchEvent {
  const event = parseJson(line) as Partial<WatchEvent> | null;
  if (typeof event?.type !== 'string' || typeof event.object !== 'object' || event.object === null) {
    throw new GarbageError(`the API server sent a line that is not an event: ${line.slice(0, 80)}`);
  }
  if (event.type === 'ERROR') {
    const { code, message } = event.object as { code?: unknown; message?: unknown };
    throw new ApiStatusError(Number(code) || 500, String(message));
  }
  return { type: event.type, object: event.object };
}

/** The resource version of an event's object. @throws GarbageError for an object without one */
export function versionOf({ type, object }: WatchEvent): string {
  const version = (object as { metadata?: { resourceVersion?: unknown } }).metadata?.resourceVersion;
  if (typeof version === 'string') return version;
  throw new GarbageError(`the API server sent an event ${type} of an object without a version`);
}

/** @throws GarbageError */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GarbageError(`the API server sent text that is not JSON: ${text.slice(0, 80)}`, { cause });
  }
}
