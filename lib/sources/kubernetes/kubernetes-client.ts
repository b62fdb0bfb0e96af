/**
 * The requests made of the Kubernetes API: a list, a watch that can not hang, and now and then a write.
 *
 * Each has its deadlines: for signs of life, and for the whole of a list or of one event of a watch, so that
 * neither silence nor a trickle of bytes passes for an answer. Beneath that, TCP keepalive finds a peer that is gone: libuv probes every second once the connection has been silent
 * for `keepAliveMs`, and gives up after ten (uv_tcp_keepalive), so that is noticed within twenty seconds.
 */
import type { Agent, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { Agent as HttpAgent, request as httpRequest } from '../../base/node-http.ts';
import type { KubernetesServer } from './kubernetes-config.ts';
import { Lifetime } from './request-lifetime.ts';

const keepAliveMs = 10_000;

/** etcd takes no object above 1.5 MiB; a line of this many characters is no event. */
const longestLine = 8 << 20;

/** The server's own refusal. */
export class ApiStatusError extends Error {
  readonly status: number;
  /** How long the server asks to be left alone, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(status: number, message: string, retryAfterMs = 0) {
    super(`the API server answers ${status}: ${message}`);
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

export interface KubernetesWrite {
  method: 'POST' | 'PATCH';
  /** Default: application/json. */
  type?: 'application/json' | 'application/merge-patch+json';
  body: unknown;
}

export interface AnswerDeadlines {
  /** Milliseconds until the server must have begun to answer, and between two pieces of a list. */
  answerMs: number;
  /** Milliseconds for the whole of a list, or of an event that has begun, however steadily it comes. */
  wholeMs: number;
}

export interface WatchDeadlines extends AnswerDeadlines {
  /** Milliseconds a watch may be silent. Events and bookmarks are signs of life. */
  idleMs: number;
}

export class KubernetesClient {
  readonly url: URL;
  readonly #server: KubernetesServer;
  readonly #agent: Agent;

  constructor(server: KubernetesServer) {
    this.url = server.url;
    this.#server = server;
    // A connection a request: they are minutes apart, and a fresh one finds another server behind a balancer.
    this.#agent = server.url.protocol === 'https:' ? new HttpsAgent() : new HttpAgent();
  }

  /**
   * @param path with its query
   * @throws ApiStatusError, SilenceError, TooSlowError, GarbageError, an error of the network, or the signal's reason
   */
  async getJson(path: string, { answerMs, wholeMs }: AnswerDeadlines, signal: AbortSignal): Promise<unknown> {
    const lifetime = new Lifetime(signal);
    try {
      lifetime.expectWithin(answerMs);
      lifetime.expectWhole(wholeMs);
      const response = await this.#open(path, lifetime.signal);
      return parseJson(await textOf(response, () => lifetime.expectWithin(answerMs)));
    } catch (error) {
      throw lifetime.reasonOr(error);
    } finally {
      lifetime.end();
    }
  }

  /**
   * Writes once; whether to try again is the caller's business.
   * @param path with its query
   * @param write the verb, the body's media type (a patch has several) and the body, sent as JSON
   * @param deadlineMs milliseconds for the whole answer
   * @returns the server's answer, parsed
   * @throws as `getJson`
   */
  async write(
    path: string,
    { method, type = 'application/json', body }: KubernetesWrite,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const lifetime = new Lifetime(signal);
    try {
      lifetime.expectWithin(deadlineMs);
      const payload = { method, type, text: JSON.stringify(body) };
      return parseJson(await text(await this.#open(path, lifetime.signal, payload)));
    } catch (error) {
      throw lifetime.reasonOr(error);
    } finally {
      lifetime.end();
    }
  }

  /**
   * Watches until the server ends it in order, giving `undefined` once when it has begun, then its events.
   * @param path with its query
   * @throws as `getJson`; an event of type ERROR is an ApiStatusError too
   */
  async *watch(
    path: string,
    { answerMs, wholeMs, idleMs }: WatchDeadlines,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent | undefined, void> {
    const lifetime = new Lifetime(signal);
    try {
      lifetime.expectWithin(answerMs);
      const response = await this.#open(path, lifetime.signal);
      lifetime.expectWithin(idleMs);
      yield undefined;
      const onPiece = (begins: boolean, ends: boolean) => {
        lifetime.expectWithin(idleMs);
        if (begins || ends) lifetime.expectWhole(begins ? wholeMs : undefined);
      };
      for await (const line of linesOf(response, onPiece)) yield parseEvent(line);
    } catch (error) {
      throw lifetime.reasonOr(error);
    } finally {
      lifetime.end();
    }
  }

  /** Ends every connection at once. */
  close(): void {
    this.#agent.destroy();
  }

  /** Opens a GET, or sends a payload, and resolves with the response when the server has said 200 or 201. */
  async #open(
    path: string,
    signal: AbortSignal,
    payload?: { method: string; type: string; text: string },
  ): Promise<IncomingMessage> {
    const { headers, ...tls } = await orAbort(this.#server.credentials(), signal);
    const base = this.url.pathname.replace(/\/$/, '');
    const options = {
      ...tls,
      agent: this.#agent,
      signal,
      method: payload?.method ?? 'GET',
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': 'flock-anycast',
        ...(payload && { 'content-type': payload.type, 'content-length': Buffer.byteLength(payload.text) }),
      },
    };
    const send = this.url.protocol === 'https:' ? httpsRequest : httpRequest;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = send(new URL(base + path, this.url), options, resolve);
      request.on('socket', socket => socket.setKeepAlive(true, keepAliveMs));
      // Stays for the request's life: an abort after the response reports here too.
      request.on('error', reject);
      request.end(payload?.text);
    });
    if (response.statusCode === 200 || response.statusCode === 201) return response;
    throw await statusErrorOf(response);
  }
}

async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A refusal is a Status object where it comes from the API server, and anything where from a proxy. */
async function statusErrorOf(response: IncomingMessage): Promise<ApiStatusError> {
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

async function textOf(response: IncomingMessage, onPiece: () => void): Promise<string> {
  response.setEncoding('utf8');
  let whole = '';
  for await (const piece of response) {
    onPiece();
    whole += piece;
  }
  return whole;
}

/** @param onPiece told of each piece whether a line begins in it that does not end there, and whether one ends */
async function* linesOf(
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
  if (rest !== '') throw new GarbageError('the API server ended in the middle of an event');
}

function parseEvent(line: string): WatchEvent {
  const event = parseJson(line) as Partial<WatchEvent> | null;
  if (typeof event?.type !== 'string' || typeof event.object !== 'object' || event.object === null) {
    throw new GarbageError(`the API server sent what is no event: ${line.slice(0, 80)}`);
  }
  if (event.type === 'ERROR') {
    const { code, message } = event.object as { code?: unknown; message?: unknown };
    throw new ApiStatusError(Number(code) || 500, String(message));
  }
  return { type: event.type, object: event.object };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GarbageError(`the API server sent what is no JSON: ${text.slice(0, 80)}`, { cause });
  }
}
