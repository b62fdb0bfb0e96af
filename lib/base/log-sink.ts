/**
 * Writes lines to a file descriptor and never waits for its reader: a log collector that has stopped must not stop
 * the routing. Lines that find no room are dropped and counted; when the reader is back, one line says how many.
 *
 * Node's own streams can not be used: `process.stderr` keeps everything that a pipe does not take, without a bound.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

export interface LogSinkOptions {
  /** The most bytes that wait for the reader; what comes then is dropped. */
  longestQueue?: number;
  /** The line, with its line end, that says that `count` lines were dropped. */
  describeDropped: (count: number) => string;
}

/** Between two attempts to write while the reader takes nothing, in milliseconds. */
const retryMs = { first: 20, longest: 1000 };

export class LogSink {
  readonly #fd: number;
  readonly #longestQueue: number;
  readonly #describeDropped: (count: number) => string;
  #queue: Buffer[] = [];
  #queued = 0;
  #dropped = 0;
  /** Dropped since the last line that said so. While it is not 0, everything is dropped: so one line says it. */
  #unreported = 0;
  #retry: NodeJS.Timeout | undefined;

  /** @param fd open for writing; its writes are made non-blocking if it is a pipe, a socket or a terminal */
  constructor(fd: number, { longestQueue = 256 * 1024, describeDropped }: LogSinkOptions) {
    this.#fd = nonBlocking(fd);
    this.#longestQueue = longestQueue;
    this.#describeDropped = describeDropped;
  }

  /** How many lines were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes a line, or queues it while the reader takes nothing, or drops it. Never throws and never waits. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#unreported > 0 || this.#queued + bytes.length > this.#longestQueue) {
      this.#dropped++;
      this.#unreported++;
      return;
    }
    this.#enqueue(bytes);
    if (this.#retry === undefined) this.#flush(retryMs.first);
  }

  /**
   * Waits for the reader, for the end of the program: what is queued gets out if the reader still reads.
   * @param longestMs the longest wait, in milliseconds
   */
  finish(longestMs: number): void {
    const deadline = performance.now() + longestMs;
    while (this.#tryWrite() === 'full' && performance.now() < deadline) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
    clearTimeout(this.#retry);
  }

  #enqueue(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#queued += bytes.length;
  }

  /** Writes what is queued, and tries again later what is left. The timer keeps no program running. */
  #flush(againMs: number): void {
    const before = this.#queued;
    this.#retry = undefined;
    if (this.#tryWrite() === 'empty') return;
    const pause = this.#queued < before ? retryMs.first : againMs;
    const next = Math.min(2 * pause, retryMs.longest);
    this.#retry = setTimeout(() => this.#flush(next), pause).unref();
  }

  /** `full` when the reader takes no more now, `broken` when the descriptor has an error, such as ENOSPC or EPIPE. */
  #tryWrite(): 'empty' | 'full' | 'broken' {
    try {
      for (;;) {
        for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
          const written = writeSync(this.#fd, first);
          this.#queued -= written;
          if (written < first.length) this.#queue[0] = first.subarray(written);
          else this.#queue.shift();
        }
        if (this.#unreported === 0) return 'empty';
        this.#enqueue(Buffer.from(this.#describeDropped(this.#unreported)));
        this.#unreported = 0;
      }
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'full' : 'broken';
    }
  }
}

/**
 * A pipe or terminal is opened once more, because O_NONBLOCK belongs to the open file, which other programs may share.
 * That is not possible for a socket (ENXIO), such as journald's, nor for a pipe whose reader is gone or whose
 * owner is another user: these are made non-blocking as they are, which `Socket` does.
 *
 * @returns the descriptor to write to; `fd` itself for a regular file, whose writes wait for no reader
 */
function nonBlocking(fd: number): number {
  const kind = fstatSync(fd);
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      // As it is, then.
    }
  }
  if (kind.isFIFO() || kind.isSocket()) new Socket({ fd, readable: false, writable: true }).unref();
  return fd;
}
