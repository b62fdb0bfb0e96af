/** One pod manifest in a file: whether it changed, and what it says. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { parse } from 'yaml';
import { FlockError } from '../../base/errors.ts';
import { type Pod, podFromManifest } from './pod.ts';

/** No pod's manifest is near this; etcd itself takes no object above 1.5 MiB. */
const maximumBytes = 1 << 20;

/** Not a dot file, and none that an editor writes on its way (`pod.yaml~`, `#pod.yaml#`, `.pod.yaml.swp`). */
const manifestName = /^[^.].*\.(json|yaml|yml)$/;

export function isManifestName(name: string): boolean {
  return manifestName.test(name);
}

/**
 * What tells one content of a file from another without reading it. The change time is in it because a
 * modification time can be set back (`cp -p`, `touch -d`).
 *
 * @returns undefined when there is no such file
 * @throws the file system's error for anything but a missing file
 */
export function fileSignature(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/**
 * Reads and parses a manifest, JSON or YAML by its name. Synchronous: a file of a few kilobytes is read in
 * microseconds, and a pod's readiness should not wait for a turn of the thread pool.
 *
 * @throws FlockError FLOCK_POD_INVALID for what can not be read, is too large, does not parse or is no pod;
 *   its `cause` has the code `ENOENT` when the file is gone
 */
export function readPodFile(path: string, annotationPrefixes: readonly string[]): Pod {
  let text: string;
  try {
    text = readBounded(path);
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('FLOCK_POD_INVALID', `can not read ${path}: ${(cause as Error).message}`, {
      value: path,
      remedy: 'make it readable; what was known of its pod stands until then',
      cause,
    });
  }
  return podFromManifest(parseText(text, path), path, annotationPrefixes);
}

function parseText(text: string, path: string): unknown {
  const isJson = extname(path) === '.json';
  try {
    // The log level keeps the parser from writing warnings to standard error by itself.
    return isJson ? JSON.parse(text) : parse(text, { logLevel: 'error' });
  } catch (cause) {
    const message = `${path} is not ${isJson ? 'JSON' : 'YAML'}: ${(cause as Error).message.trim()}`;
    throw new FlockError('FLOCK_POD_INVALID', message, {
      remedy: 'correct its syntax; what was known of its pod stands until then',
      cause,
    });
  }
}

/** Opened without blocking: a FIFO of that name would otherwise hold up the whole program. */
function readBounded(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > maximumBytes) {
      throw new FlockError(
        'FLOCK_POD_INVALID',
        stat.isFile() ? `${path} has ${stat.size} bytes, more than ${maximumBytes}` : `${path} is no file`,
        { value: path, remedy: 'keep one pod manifest a file in this folder, and nothing else' },
      );
    }
    // It may grow while it is read: never more than was asked for, and what is cut off does not parse.
    const buffer = Buffer.allocUnsafe(stat.size);
    let length = 0;
    while (length < buffer.length) {
      const read = readSync(file, buffer, length, buffer.length - length, null);
      if (read === 0) break;
      length += read;
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
