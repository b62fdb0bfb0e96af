/**
 * A UNIX socket at a path, for programs of this host, with mode 0660; its folder gets 0750 if it is made here.
 *
 * It is bound under a temporary name, gets its mode and is renamed: so it never has a wider mode, and the socket of
 * a killed program is replaced in one step.
 */
import { chmod, lstat, rename, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { FlockError } from '../../base/errors.ts';
import { makeFolder } from '../../base/folder.ts';

/** The file of a socket, as long as it is ours: somebody may remove it or put another in its place. */
export interface LocalSocket {
  isPresent(): Promise<boolean>;
  remove(): Promise<void>;
}

/**
 * @returns the socket's file, to be removed; the caller closes the server
 * @throws FlockError FLOCK_API_UNAVAILABLE when the path is in use, or the file system or unix(7) refuses it: a path
 *   may have 103 bytes
 */
export async function listenAt(server: Server, path: string): Promise<LocalSocket> {
  try {
    const folder = dirname(path);
    const made = await makeFolder(folder, 0o755);
    if (made !== undefined) await chmod(folder, 0o750);
    await requireFree(path);
    const temporary = `${path}.new`;
    await unlink(temporary).catch(() => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: temporary }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // Such as an accept that found no descriptor: the next may succeed.
    if (server.listenerCount('error') === 0) server.on('error', () => undefined);
    await chmod(temporary, 0o660);
    await rename(temporary, path);
    const { ino } = await lstat(path);
    const isPresent = async () => (await lstat(path).catch(() => undefined))?.ino === ino;
    const remove = async () => {
      if (await isPresent()) await unlink(path);
    };
    return { isPresent, remove };
  } catch (cause) {
    server.close();
    if (cause instanceof FlockError) throw cause;
    throw unavailable(path, (cause as Error).message, cause);
  }
}

/** Only a socket on which no program listens may be replaced. */
async function requireFree(path: string): Promise<void> {
  const present = await lstat(path).catch(() => undefined);
  if (present === undefined) return;
  if (!present.isSocket()) throw unavailable(path, 'a file that is not a socket is there');
  const answered = await new Promise<boolean>(resolve => {
    const client = connect({ path }, () => resolve(true));
    client.once('connect', () => client.destroy());
    client.once('error', () => resolve(false));
  });
  if (answered) throw unavailable(path, 'another program listens there');
}

function unavailable(path: string, reason: string, cause?: unknown): FlockError {
  return new FlockError('FLOCK_API_UNAVAILABLE', `can not listen at ${path}: ${reason}`, {
    value: path,
    remedy:
      'set allocations.socket to a path where this program may create a socket, such as /run/flock-anycast/api.sock',
    cause,
  });
}
