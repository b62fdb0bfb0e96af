/** A pipe that nobody reads until the test does, as of a log collector that stands still. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import type { Host } from './node-lab.ts';

export interface StalledPipe {
  path: string;
  /** Takes what is in the pipe now. */
  read(): string;
  /** Makes it full again. */
  fill(): void;
}

/** @param path where the pipe is made; it is full from the start: of line ends, which are no lines of anybody's */
export function makeStalledPipe(t: Host, path: string): StalledPipe {
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.teardown(() => closeSync(fd));
  const fill = () => untilItBlocks(() => writeSync(fd, '\n'.repeat(4096)));
  fill();
  const buffer = Buffer.alloc(65536);
  return {
    path,
    fill,
    read() {
      const parts: Buffer[] = [];
      untilItBlocks(() => parts.push(Buffer.from(buffer.subarray(0, readSync(fd, buffer)))));
      return Buffer.concat(parts).toString();
    },
  };
}

function untilItBlocks(action: () => unknown): void {
  try {
    for (;;) action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}
