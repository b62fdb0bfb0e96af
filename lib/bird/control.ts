/**
 * A connection to BIRD's control socket. It is kept: its end is how we learn, at no cost, that BIRD has ended.
 * What goes wrong on it (a timeout, a line that is no reply) ends it, for its next reply could be of any command.
 */
import { connect, type Socket } from 'node:net';
import { FlockError } from '../base/errors.ts';
import { errorOf, type Reply, ReplyReader, replyCode, wordsOf } from './reply.ts';

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
    // An idle connection keeps no program alive; a command in flight does, by its timer.
    this.#socket.unref();
  }

  /**
   * @param socketPath BIRD's `-s`
   * @param options.timeoutMs how long any reply, the greeting included, may take, in milliseconds
   * @param options.signal closes it when it aborts, also while the greeting is waited for
   * @throws FlockError FLOCK_BIRD_UNREACHABLE; `nothingListens` tells an absent BIRD from one that hangs
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
      throw control.#end(`greets with ${JSON.stringify(wordsOf(greeting))}`);
    control.#version = line.text.replace(/^BIRD | ready\.$/g, '');
    return control;
  }

  /** What the greeting said, such as `2.0.12`. */
  get version(): string {
    return this.#version;
  }

  get connected(): boolean {
    return this.#ended === undefined;
  }

  /**
   * Sends a command when those before it are answered, and gives its reply.
   * @throws FlockError FLOCK_BIRD_REFUSED with BIRD's words for an error reply,
   *   FLOCK_BIRD_UNREACHABLE when the connection ended or the reply took too long
   */
  async command(text: string): Promise<Reply> {
    const reply = await this.ask(text);
    const error = errorOf(reply);
    if (error === undefined) return reply;
    throw new FlockError('FLOCK_BIRD_REFUSED', `BIRD refused ${text}: ${error.code} ${error.text}`, {
      value: wordsOf(reply),
      remedy: 'this is what BIRD said; what it ran before runs on',
    });
  }

  /** The same, an error reply given like any other. */
  ask(text: string): Promise<Reply> {
    const reply = this.#turn.then(() => {
      if (this.#ended !== undefined) throw this.#ended;
      if (/[^\x20-\x7e]/.test(text)) {
        throw new FlockError('FLOCK_BIRD_REFUSED', 'a command is one line of printable ASCII', {
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
    this.#end('was closed by us');
  }

  #reply(to: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const timer = setTimeout(() => {
        // When it was us who were busy, the answer is there: the loop reads it before this runs.
        late = setImmediate(() => this.#end(`gave no answer to ${to} in ${this.#timeoutMs} ms`));
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
        if (this.#waiting === undefined) throw new Error(`an answer nobody asked for: ${wordsOf(reply)}`);
        this.#waiting.resolve(reply);
      }
    } catch (cause) {
      this.#end((cause as Error).message, { cause, value: chunk.slice(0, 200) });
    }
  }

  #end(why: string, details: { cause?: unknown; value?: unknown } = {}): FlockError {
    this.#ended ??= new FlockError('FLOCK_BIRD_UNREACHABLE', `BIRD at ${this.#socketPath}: ${why}`, {
      value: this.#socketPath,
      remedy: 'start BIRD with `-s` and the path of bird.socket; it is tried again',
      ...details,
    });
    this.#socket.destroy();
    this.#waiting?.reject(this.#ended);
    return this.#ended;
  }
}

/** Whether an error of `BirdControl.open` means that no BIRD runs there at all. */
export function nothingListens(error: unknown): boolean {
  const cause = error instanceof FlockError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'ENOENT' || cause?.code === 'ECONNREFUSED';
}
