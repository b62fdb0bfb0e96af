/**
 * Requests to the Kubernetes API: lists, watches that can not hang, and writes.
 *
 * Each has deadlines, for signs of life and for the whole of a list or of one event of a watch, so that neither
 * silence nor a trickle of bytes is taken for an answer. TCP keepalive also finds a peer that is gone: libuv probes
 * every second once the connection has been silent for `keepAliveMs`, and gives up after ten probes
 * (uv_tcp_keepalive), so a lost peer is noticed within twenty seconds.
 */
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Log } from '../../base/log.ts';
import { Agent as HttpAgent, request as httpRequest } from '../../base/node-http.ts';
import { linesOf, parseEvent, parseJson, statusErrorOf, textOf, type WatchEvent } from './api-answer.ts';
import type { KubernetesServer } from './kubernetes-config.ts';
import { Lifetime } from './request-lifetime.ts';
import type { Access } from './server-access.ts';
import { ServerWarnings } from './server-warnings.ts';

const keepAliveMs = 10_000;

export interface KubernetesWrite {
  method: 'POST' | 'PATCH';
  /** Default: application/json. */
  type?: 'application/json' | 'application/merge-patch+json';
  body: unknown;
}

export interface AnswerDeadlines {
  /** Milliseconds until the server must begin to answer, and between two pieces of a list. */
  answerMs: number;
  /** Milliseconds for the whole of a list, or of an event that has begun. */
  wholeMs: number;
}

export interface WatchDeadlines extends AnswerDeadlines {
  /** Milliseconds between two events or bookmarks of a watch. */
  idleMs: number;
}

export class KubernetesClient {
  readonly #server: KubernetesServer;
  readonly #warnings: ServerWarnings;
  // One connection per request: requests are minutes apart, and a new connection can reach another server behind a
  // load balancer.
  readonly #agents = { 'https:': new HttpsAgent(), 'http:': new HttpAgent() };

  /** @param log gets the server's warnings */
  constructor(server: KubernetesServer, log: Log) {
    this.#server = server;
    this.#warnings = ServerWarnings.of(log);
  }

  /** As the kubeconfig names it now. */
  get url(): URL {
    return this.#server.url;
  }

  /** Differs when a file that the credentials come from has changed. */
  credentialsSignature(): string {
    return this.#server.signature();
  }

  /**
   * @param path with its query
   * @throws ApiStatusError, SilenceError, TooSlowError, GarbageError, an error of the network, or the signal's reason
   */
  async getJson(path: string, { answerMs, wholeMs }: AnswerDeadlines, signal: AbortSignal): Promise<unknown> {
    const access = await this.#server.access(signal);
    const lifetime = new Lifetime(signal);
    try {
      lifetime.expectWithin(answerMs);
      lifetime.expectWhole(wholeMs);
      const response = await this.#open(access, path, lifetime.signal);
      return parseJson(await textOf(response, () => lifetime.expectWithin(answerMs)));
    } catch (error) {
      throw lifetime.reasonOr(error);
    } finally {
      lifetime.end();
    }
  }

  /**
   * Writes once; trying again is the caller's decision.
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
    const access = await this.#server.access(signal);
    const lifetime = new Lifetime(signal);
    try {
      lifetime.expectWithin(deadlineMs);
      const payload = { method, type, text: JSON.stringify(body) };
      return parseJson(await text(await this.#open(access, path, lifetime.signal, payload)));
    } catch (error) {
      throw lifetime.reasonOr(error);
    } finally {
      lifetime.end();
    }
  }

  /**
   * Watches until the server ends the watch regularly. Yields `undefined` once when it has begun, then its events.
   * @param path with its query
   * @throws as `getJson`; an event of type ERROR is an ApiStatusError too
   */
  async *watch(
    path: string,
    { answerMs, wholeMs, idleMs }: WatchDeadlines,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent | undefined, void> {
    const access = await this.#server.access(signal);
    const lifetime = new Lifetime(signal);
    try {
      lifetime.expectWithin(answerMs);
      const response = await this.#open(access, path, lifetime.signal);
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

  /** Closes all connections at once. */
  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /** Sends a GET, or a payload, and resolves with the response when its status is 200 or 201. */
  async #open(
    access: Access,
    path: string,
    signal: AbortSignal,
    payload?: { method: string; type: string; text: string },
  ): Promise<IncomingMessage> {
    const { url, headers, tls } = access;
    const base = url.pathname.replace(/\/$/, '');
    const isTls = url.protocol === 'https:';
    const options = {
      ...tls,
      agent: this.#agents[isTls ? 'https:' : 'http:'],
      signal,
      method: payload?.method ?? 'GET',
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': 'flock-anycast',
        ...(payload && { 'content-type': payload.type, 'content-length': Buffer.byteLength(payload.text) }),
      },
    };
    const send = isTls ? httpsRequest : httpRequest;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = send(new URL(base + path, url), options, resolve);
      request.on('socket', socket => socket.setKeepAlive(true, keepAliveMs));
      // It stays for the whole request: an abort after the response is reported here, too.
      request.on('error', reject);
      request.end(payload?.text);
    });
    this.#warnings.take(response.headersDistinct.warning);
    if (response.statusCode === 401) this.#server.refused(access);
    else this.#server.accepted(access);
    if (response.statusCode === 200 || response.statusCode === 201) return response;
    throw await statusErrorOf(response);
  }
}
