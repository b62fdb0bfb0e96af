/** Finds the native addon: a build of this checkout, else the prebuilt one that the package carries. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { FlockError } from '../../base/errors.ts';

const require = createRequire(import.meta.url);

/** The package's root, the same from lib/kernel/socket and from dist/kernel/socket. */
const root = fileURLToPath(new URL('../../..', import.meta.url));

let loaded: unknown;

/**
 * Loads the addon, once. Not on import: the pure parts of this package do not need it.
 *
 * @throws FLOCK_NATIVE_MISSING, with what the package has and what to do
 */
export function loadAddon<T>(): T {
  try {
    loaded ??= require('node-gyp-build')(root);
  } catch (cause) {
    const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n');
    throw new FlockError('FLOCK_NATIVE_MISSING', `the native addon can not be loaded: ${reason}`, {
      value: root,
      cause,
      remedy: `${root} has addons for ${prebuilt().join(', ') || 'no machine'}. ${howToBuild}`,
    });
  }
  return loaded as T;
}

const howToBuild =
  'On a musl system that is not Alpine, set LIBC=musl. To build one for another machine, install a C++20 compiler, ' +
  'make, python3, pkg-config and the headers of libnl 3 (Debian: build-essential python3 pkg-config libnl-3-dev; ' +
  'Alpine: build-base python3 pkgconf libnl3-dev; Fedora: gcc-c++ make python3 pkgconf libnl3-devel), then run ' +
  '`npm rebuild flock-anycast` (pnpm: `pnpm approve-builds`, then `pnpm rebuild flock-anycast`).';

/** @returns such as `linux-x64 glibc` */
function prebuilt(): string[] {
  try {
    return readdirSync(`${root}/prebuilds`, { recursive: true, encoding: 'utf8' }).flatMap(path => {
      const [, machine, libc] = /^([^/]+)\/[^/.]+\.(\w+)\.node$/.exec(path) ?? [];
      return machine === undefined ? [] : [`${machine} ${libc}`];
    });
  } catch {
    return [];
  }
}
