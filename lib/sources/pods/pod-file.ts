/** A file with one pod manifest: which names are such files, and its pod. */
import { extname } from 'node:path';
import { FlockError } from '../../base/errors.ts';
import { shortened } from '../../base/quoted.ts';
import { readTextFile } from '../../base/regular-file.ts';
import { parseYamlText } from '../../base/yaml-text.ts';
import { type Pod, podFromManifest } from './pod.ts';

/** No manifest of a pod is nearly this long; etcd accepts no object above 1.5 MiB. */
const maximumBytes = 1 << 20;

/** Neither a dot file nor a temporary file of an editor (`pod.yaml~`, `#pod.yaml#`, `.pod.yaml.swp`). */
const manifestName = /^[^.].*\.(json|yaml|yml)$/;

export function isManifestName(name: string): boolean {
  return manifestName.test(name);
}

/**
 * Reads and parses a manifest, JSON or YAML by its name. Synchronous: a file of a few kilobytes is read in
 * microseconds, and a pod's readiness should not wait for the thread pool.
 *
 * @throws FlockError FLOCK_POD_INVALID for a file that can not be read, is too large, does not parse or is not a pod;
 *   its `cause` has the code `ENOENT` when the file is gone
 */
export function readPodFile(path: string, annotationPrefixes: readonly string[]): Pod {
  let text: string;
  try {
    text = readTextFile(path, maximumBytes);
  } catch (cause) {
    throw new FlockError('FLOCK_POD_INVALID', `can not read ${path}: ${(cause as Error).message}`, {
      value: path,
      remedy: 'make it readable; the last known state of its pod stays in force until then',
      cause,
    });
  }
  return podFromManifest(parseText(text, path), path, annotationPrefixes);
}

function parseText(text: string, path: string): unknown {
  const isJson = extname(path) === '.json';
  try {
    return isJson ? JSON.parse(text) : parseYamlText(text);
  } catch (cause) {
    const message = `${path} is not ${isJson ? 'JSON' : 'YAML'}: ${shortened((cause as Error).message.trim(), 400)}`;
    throw new FlockError('FLOCK_POD_INVALID', message, {
      remedy: 'correct its syntax; the last known state of its pod stays in force until then',
      cause,
    });
  }
}
