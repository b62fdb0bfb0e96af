/**
 * Allows one program of ours per network namespace: two agents would undo each other's routes.
 *
 * An abstract UNIX socket (unix(7)) is visible in exactly one network namespace, independent of file systems and PID
 * namespaces, and the kernel closes it when its process ends, also by kill -9. A program that finds the name in use
 * connects to the socket to learn which program uses it.
 */
import { readlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { FlockError } from '../base/errors.ts';

/** The command that claims a network namespace. */
export type Claimant = 'run' | 'flush' | 'migrate';

export interface NamespaceClaim extends AsyncDisposable {
  /** Ends the claim, so that another program can claim the namespace. */
  release(): Promise<void>;
}

/** What the holder sends about itself. A process id is valid only in its PID namespace. */
interface Holder {
  claimant: Claimant;
  pid: number;
  pidNamespace: string;
}

/** The leading NUL makes it abstract. `ss -xl` shows it as `@flock-anycast`. */
const socketName = '\0flock-anycast';

/**
 * How long to wait for the holder's answer, in milliseconds. A stopped process sends none; on a busy machine the
 * answer is late, and the user needs the name in it.
 */
const answerMs = 5000;

/**
 * Claims this process's network namespace until it is released or the process ends.
 *
 * @throws FlockError FLOCK_ALREADY_RUNNING naming the holder as far as it answers
 */
export async function claimNamespace(claimant: Claimant): Promise<NamespaceClaim> {
  const self: Holder = { claimant, pid: process.pid, pidNamespace: pidNamespace() };
  const server = createServer(client => {
    // The client may close the connection before it has read the answer.
    client.on('error', () => undefined);
    client.end(JSON.stringify(self));
  });
  try {
    await listen(server);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw alreadyRunning(claimant, await askHolder());
  }
  // The claim alone does not keep the process running.
  server.unref();
  const release = () => new Promise<void>(resolve => server.close(() => resolve()));
  return { release, [Symbol.asyncDispose]: release };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: socketName }, resolve);
  });
}

/** @returns undefined when there is no valid answer: any program may use the name */
async function askHolder(): Promise<Holder | undefined> {
  const socket = connect({ path: socketName });
  socket.setEncoding('utf8');
  socket.setTimeout(answerMs, () => socket.destroy(new Error('no answer')));
  try {
    let text = '';
    for await (const chunk of socket) text += chunk;
    const { claimant, pid, pidNamespace } = JSON.parse(text) as Partial<Holder>;
    if (typeof claimant !== 'string' || typeof pid !== 'number' || typeof pidNamespace !== 'string')
      return undefined;
    return { claimant, pid, pidNamespace };
  } catch {
    return undefined;
  }
}

function alreadyRunning(claimant: Claimant, holder: Holder | undefined): FlockError {
  const remedy =
    claimant === 'run'
      ? 'stop that program first, or run this one in another network namespace'
      : `stop that program first (systemctl stop, or delete its pod), then ${claimant} again`;
  return new FlockError('FLOCK_ALREADY_RUNNING', `${describeHolder(holder)} in this network namespace`, {
    value: holder?.pid,
    remedy,
  });
}

function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return 'a program that does not identify itself listens on @flock-anycast';
  const foreign = holder.pidNamespace !== pidNamespace();
  const where = foreign ? `process ${holder.pid} of another PID namespace` : `process ${holder.pid}`;
  return `flock-anycast ${holder.claimant} (${where}) is already running`;
}

/** Such as `pid:[4026531836]`. */
function pidNamespace(): string {
  return readlinkSync('/proc/self/ns/pid');
}
