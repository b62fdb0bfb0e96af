/** BIRD's configuration file: staged beside its place, durable before it takes the place, readable by BIRD alone. */
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlockError } from '../base/errors.ts';

export class ConfigFile {
  readonly path: string;
  /** Where a new text waits for BIRD's word: the same folder, so that the move is one rename. */
  readonly stagedPath: string;

  /** @throws FlockError FLOCK_CONFIG_INVALID for a path that BIRD's command line can not carry */
  constructor(path: string) {
    if (!/^\/[\x20\x21\x23-\x7e]{1,200}$/.test(path)) {
      throw new FlockError(
        'FLOCK_CONFIG_INVALID',
        `bird.config: ${JSON.stringify(path)} can not be told to BIRD`,
        {
          value: path,
          remedy: 'give an absolute path of printable ASCII without a double quote, 200 characters at most',
        },
      );
    }
    this.path = path;
    this.stagedPath = join(dirname(path), `.${basename(path)}.flock`);
  }

  /** The text there is, undefined when there is no such file. */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw notPossible(this.path, 'read', cause);
    }
  }

  /**
   * Writes a text for BIRD to check. The file may hold passwords: 0640, its group the one of the file it will
   * replace (Debian: root's file, group bird), or the folder's.
   */
  async stage(text: string): Promise<void> {
    try {
      await rm(this.stagedPath, { force: true });
      await using file = await open(this.stagedPath, 'wx', 0o600);
      const { gid } = await stat(this.path).catch(() => stat(dirname(this.path)));
      // Without the right to give it away (a user namespace) it stays our group's: BIRD then runs as we do.
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
}

/** Whether two paths name one place, whether or not a file is there. */
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
      remedy: 'let the agent write the folder of bird.config; it is tried again',
      cause,
    },
  );
}
