/**
 * Reads a file that a person or another program wrote, whole. Its path may lead to anything: a FIFO, whose reader
 * would wait for ever; a device without an end; a file larger than memory. So only regular files are read, opened
 * without waiting, up to a bound. Synchronous: a thread of the pool would be no better off with a FIFO.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';

/** Bounds in bytes, each many times what such a file has. */
export const longestFile = {
  /** The kernel takes 80 characters. */
  password: 4 << 10,
  /** The token of a service account has 1 kB, a bundle of certificates 200 kB. */
  credential: 1 << 20,
  /** Kubernetes accepts no object above 1.5 MiB. */
  config: 4 << 20,
  /** 20,000 allocations have 6 MB. */
  allocations: 256 << 20,
  /** In filter mode, a static route and a part of a set for each address. */
  birdConfig: 64 << 20,
} as const;

/**
 * @param longest bytes
 * @throws Error of open(2) or read(2), with their code; without a code for what is not a regular file, or is longer
 */
export function readRegularFile(path: string, longest: number): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile())
      throw new Error(`${path} is ${kindOf(stat)}: only a regular file is read, of at most ${longest} bytes`);
    if (stat.size > longest) throw new Error(`${path} has ${stat.size} bytes, more than ${longest}`);
    // It may grow meanwhile, and a file of /proc has no size.
    const pieces: Buffer[] = [];
    let length = 0;
    for (let size = stat.size + 1; ; size = 64 << 10) {
      const piece = Buffer.allocUnsafe(size);
      const read = readSync(file, piece, 0, size, null);
      if (read === 0) return Buffer.concat(pieces, length);
      length += read;
      if (length > longest) throw new Error(`${path} has more than ${longest} bytes`);
      pieces.push(piece.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}

/** The same as text. */
export function readTextFile(path: string, longest: number): string {
  return readRegularFile(path, longest).toString('utf8');
}

function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a directory';
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}
