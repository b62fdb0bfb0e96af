/**
 * A connection to BIRD's control socket. It is kept open: when it closes, BIRD has ended, and we need not poll.
 * Any error (a timeout, a line that is no reply) closes it, for the next reply could belong to any command.
 */
import { connect, type Socket } from 'node:net';
import { FlockError } from '../base/errors.ts';
import { errorOf, type Reply, ReplyReader, replyCode, textOf } from './reply.ts';

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: FlockError): void;
}

export class BirdControl {
  readonly #socketPath: string;
  readonly #timeoutMs: number;
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  #waiting: Waiting | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #ended: FlockError | undefined;
  #version = '';

  private constructor(socketPath: string, timeoutMs: number) {
    this.#socketPath = socketPath;
    this.#timeoutMs = timeoutMs;
    this.#socket = connect({ path: socketPath });
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (chunk: string) => this.#read(chunk));
    this.#socket.on('error', cause => this.#end(cause.message, { cause }));
    this.#socket.on('close', () => this.#end('closed the connection'));
    // An idle connection does not keep the process running; the timer of an unanswered command does.
    this.#socket.unref();
  }

  /**
   * @param socketPath BIRD's `-s`
   * @param options.timeoutMs how long any reply, the greeting included, may take, in milliseconds
   * @param options.signal when it aborts, the connection closes, also before the greeting
   * @throws FlockError FLOCK_BIRD_UNREACHABLE; `nothingListens` distinguishes a BIRD that does not run from one
   *   that hangs
   */
  static async open(
    socketPath: string,
    { timeoutMs = 5000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<BirdControl> {
    const control = new BirdControl(socketPath, timeoutMs);
    const close = () => control.close();
    signal?.addEventListener('abort', close, { once: true });
    control.#socket.once('close', () => signal?.removeEventListener('abort', close));
    const greeting = await control.#reply('the greeting');
    const [line] = greeting.lines;
    if (line?.code !== replyCode.ready)
      throw control.#end(`sent ${JSON.stringify(textOf(greeting))} instead of a greeting`);
    control.#version = line.text.replace(/^BIRD | ready\.$/g, '');
    return control;
  }

  /** From the greeting, such as `2.0.12`. */
  get version(): string {
    return this.#version;
  }

  get connected(): boolean {
    return this.#ended === undefined;
  }

  /**
   * Sends a command after the commands before it were answered.
   * @returns its reply
   * @throws FlockError FLOCK_BIRD_REFUSED with BIRD's text for an error reply,
   *   FLOCK_BIRD_UNREACHABLE when the connection ended or the reply took too long
   */
  async command(text: string): Promise<Reply> {
    const reply = await this.ask(text);
    const error = errorOf(reply);
    if (error === undefined) return reply;
    throw new FlockError('FLOCK_BIRD_REFUSED', `BIRD refused ${text}: ${error.code} ${error.text}`, {
      value: textOf(reply),
      remedy: "correct what BIRD's reply names; BIRD keeps its former configuration",
    });
  }

  /** Like `command`, but returns an error reply like any other reply. */
  ask(text: string): Promise<Reply> {
    const reply = this.#turn.then(() => {
      if (this.#ended !== undefined) throw this.#ended;
      if (/[^\x20-\x7e]/.test(text)) {
        throw new FlockError('FLOCK_BIRD_REFUSED', 'a command for BIRD must be one line of printable ASCII', {
          value: text,
        });
      }
      this.#socket.write(`${text}\n`);
      return this.#reply(text);
    });
    this.#turn = reply.catch(() => undefined);
    return reply;
  }

  close(): void {
    this.#end('the agent closed the connection');
  }

  #reply(to: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const timer = setTimeout(() => {
        // When our own event loop was blocked, the reply is already there: the loop reads it before this runs.
        late = setImmediate(() => this.#end(`no answer to ${to} within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
      let late: NodeJS.Immediate | undefined;
      const settle =
        <T>(settled: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          clearImmediate(late);
          this.#waiting = undefined;
          settled(value);
        };
      this.#waiting = { resolve: settle(resolve), reject: settle(reject) };
    });
  }

  #read(chunk: string): void {
    try {
      for (const reply of this.#reader.push(chunk)) {
        if (this.#waiting === undefined) throw new Error(`a reply without a command: ${textOf(reply)}`);
        this.#waiting.resolve(reply);
      }
    } catch (cause) {
      this.#end((cause as Error).message, { cause, value: chunk.slice(0, 200) });
    }
  }

  #end(why: string, details: { cause?: unknown; value?: unknown } = {}): FlockError {
    this.#ended ??= new FlockError('FLOCK_BIRD_UNREACHABLE', `BIRD at ${this.#socketPath}: ${why}`, {
      value: this.#socketPath,
      remedy: 'start BIRD with `-s` and the path of bird.socket; the agent tries again',
      ...details,
    });
    this.#socket.destroy();
    this.#waiting?.reject(this.#ended);
    return this.#ended;
  }
}

/** Whether a BIRD greets on the socket. */
export async function answers(socketPath: string, timeoutMs?: number): Promise<boolean> {
  try {
    (await BirdControl.open(socketPath, timeoutMs === undefined ? {} : { timeoutMs })).close();
    return true;
  } catch {
    return false;
  }
}

/** Whether an error of `BirdControl.open` means that no BIRD listens on the socket. */
export function nothingListens(error: unknown): boolean {
  const cause = error instanceof FlockError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'ENOENT' || cause?.code === 'ECONNREFUSED';
}
