/**
 * The file with all identities that our routes ever had: by it, routes of former configurations are found again.
 *
 * An identity is on disk before the first route that has it, and is forgotten when the kernel has no such route any
 * more. A wrong file can not delete routes of other owners: the kernel deletes by table, prefix, metric and protocol
 * number, and the numbers of other programs are refused here as in the configuration.
 */
import { rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { describeIssues } from '../base/describe-issues.ts';
import { syncFolder, writeDurably } from '../base/durable-file.ts';
import { FlockError } from '../base/errors.ts';
import { shortened } from '../base/quoted.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import { type RouteIdentity, routeIdentitySchema, sameIdentity } from '../config/route-identity.ts';

const fileVersion = 1;
const fileSchema = z.strictObject({
  version: z.literal(fileVersion, { error: `must be ${fileVersion}, the only version this program knows` }),
  keys: z.array(routeIdentitySchema),
});

export class IdentityMemory {
  readonly #path: string;
  #identities: readonly RouteIdentity[] = [];
  /** One write at a time, each of what the one before it has left. */
  #writing: Promise<void> = Promise.resolve();

  /** @param path of the state file; the file and its folder are created with the first identity */
  constructor(path: string) {
    this.#path = path;
  }

  /** Every remembered identity, in the order of first use. */
  get identities(): readonly RouteIdentity[] {
    return this.#identities;
  }

  /**
   * Reads the file; a missing file is an empty memory.
   * @throws FlockError FLOCK_STATE_INVALID when the file can not be read or parsed; it stays as it is
   */
  async load(): Promise<void> {
    let text: string;
    try {
      text = readTextFile(this.#path, longestFile.config);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw invalid(`can not read ${this.#path}: ${(cause as Error).message}`, cause);
    }
    this.#identities = parseState(text, this.#path);
  }

  /** Renames a file that can not be parsed, so that an operator can inspect it. @returns its new path */
  async setAside(): Promise<string> {
    const aside = `${this.#path}.broken-${new Date().toISOString()}`;
    await rename(this.#path, aside);
    return aside;
  }

  /**
   * Adds an identity. Resolves when the file is on disk; at once when the identity is known.
   * @throws FlockError FLOCK_STATE_UNWRITABLE
   */
  async remember(identity: RouteIdentity): Promise<void> {
    await this.#change(known =>
      known.some(one => sameIdentity(one, identity)) ? known : [...known, identity],
    );
  }

  /**
   * Removes identities. Resolves when that is on disk. The file is deleted with its last identity.
   * @throws FlockError FLOCK_STATE_UNWRITABLE
   */
  async forget(identities: readonly RouteIdentity[]): Promise<void> {
    const isForgotten = (known: RouteIdentity) => identities.some(one => sameIdentity(known, one));
    await this.#change(known => (known.some(isForgotten) ? known.filter(one => !isForgotten(one)) : known));
  }

  /** @param change gives the same array when nothing is to be written */
  async #change(change: (known: readonly RouteIdentity[]) => readonly RouteIdentity[]): Promise<void> {
    const write = this.#writing.then(async () => {
      const next = change(this.#identities);
      if (next !== this.#identities) await this.#write(next);
    });
    this.#writing = write.catch(() => undefined);
    await write;
  }

  async #write(identities: readonly RouteIdentity[]): Promise<void> {
    try {
      if (identities.length > 0) {
        await writeDurably(
          this.#path,
          `${JSON.stringify({ version: fileVersion, keys: identities }, null, 2)}\n`,
        );
      } else {
        await rm(this.#path, { force: true });
        await syncFolder(this.#path);
      }
    } catch (cause) {
      throw new FlockError(
        'FLOCK_STATE_UNWRITABLE',
        `can not write ${this.#path}: ${(cause as Error).message}`,
        {
          value: this.#path,
          remedy:
            'give the agent write access to it, or set another path in state.path: the file is needed to find routes of former configurations',
          cause,
        },
      );
    }
    this.#identities = identities;
  }
}

/**
 * @param text the whole file
 * @param origin the file's name in messages, usually its path
 * @throws FlockError FLOCK_STATE_INVALID naming every wrong key by its path
 */
export function parseState(text: string, origin: string): readonly RouteIdentity[] {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${origin} is not JSON: ${shortened((cause as Error).message, 400)}`, cause);
  }
  const result = fileSchema.safeParse(raw);
  if (result.success) return result.data.keys;
  throw invalid(`${origin}: ${describeIssues(result.error)}`);
}

function invalid(message: string, cause?: unknown): FlockError {
  return new FlockError('FLOCK_STATE_INVALID', message, {
    remedy:
      'repair the file, or move it away: routes that a former configuration left in the kernel are then no longer found',
    ...(cause !== undefined && { cause }),
  });
}
