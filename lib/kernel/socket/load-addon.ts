/** Finds the native addon: a build of this checkout, else the prebuilt one that the package carries. */
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
      remedy: (require(`${root}/prebuilds/advice.cjs`) as { advice(): string }).advice(),
    });
  }
  return loaded as T;
}
