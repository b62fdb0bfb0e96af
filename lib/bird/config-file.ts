/** BIRD's configuration file: staged in the same folder, synced, then renamed into place; only BIRD can read it. */
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlockError } from '../base/errors.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';

export class ConfigFile {
  readonly path: string;
  /** Where a new text is until BIRD has checked it: the same folder, so that the move is one rename. */
  readonly stagedPath: string;

  readonly #configured: string;

  /**
   * @param configured `bird.config`, from which the path is made: both get the same group
   * @throws FlockError FLOCK_CONFIG_INVALID for a path that BIRD's command line can not express
   */
  constructor(path: string, configured = path) {
    if (!/^\/[\x20\x21\x23-\x7e]{1,200}$/.test(configured)) {
      throw new FlockError(
        'FLOCK_CONFIG_INVALID',
        `bird.config: ${JSON.stringify(configured)} can not be written in a command of BIRD`,
        {
          value: configured,
          remedy: 'give an absolute path of printable ASCII without a double quote, 200 characters at most',
        },
      );
    }
    this.path = path;
    this.#configured = configured;
    this.stagedPath = join(dirname(path), `.${basename(path)}.flock`);
  }

  /** @returns the file's text; undefined when there is no such file */
  async read(): Promise<string | undefined> {
    try {
      return readTextFile(this.path, longestFile.birdConfig);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw notPossible(this.path, 'read', cause);
    }
  }

  /**
   * Writes a text for BIRD to check. The file may contain passwords: its mode is 0640, and its group is that of
   * `bird.config` (Debian: owner root, group bird), or else the folder's.
   */
  async stage(text: string): Promise<void> {
    try {
      await rm(this.stagedPath, { force: true });
      await using file = await open(this.stagedPath, 'wx', 0o600);
      const { gid } = await stat(this.#configured).catch(() => stat(dirname(this.path)));
      // Without the right to change the group (a user namespace) our group stays: BIRD then runs as the same user.
      await file.chown(-1, gid).catch(() => undefined);
      await file.chmod(0o640);
      await file.writeFile(text);
      await file.sync();
    } catch (cause) {
      throw notPossible(this.stagedPath, 'write', cause);
    }
  }

  /** Puts the staged text in place, so that a power cut leaves the old file or the new one. */
  async commit(): Promise<void> {
    try {
      await rename(this.stagedPath, this.path);
      await using folder = await open(dirname(this.path), 'r');
      await folder.sync();
    } catch (cause) {
      throw notPossible(this.path, 'write', cause);
    }
  }

  async discard(): Promise<void> {
    await rm(this.stagedPath, { force: true });
  }

  async remove(): Promise<void> {
    try {
      await rm(this.path, { force: true });
    } catch (cause) {
      throw notPossible(this.path, 'remove', cause);
    }
  }
}

/** Whether two paths name the same file, which need not exist. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all(
    [one, other].map(async path =>
      join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path)),
    ),
  );
  return first === second;
}

function notPossible(path: string, what: string, cause: unknown): FlockError {
  return new FlockError(
    'FLOCK_CONFIG_INVALID',
    `bird.config: can not ${what} ${path}: ${(cause as Error).message}`,
    {
      value: path,
      remedy: 'give the agent write access to the folder of bird.config; the agent tries again',
      cause,
    },
  );
}
