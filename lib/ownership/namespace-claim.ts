/**
 * One program of ours a network namespace: two agents would undo each other's routes.
 *
 * An abstract UNIX socket (unix(7)) is seen in exactly one network namespace, whatever the file systems and PID
 * namespaces around it, and the kernel lets go of it when its holder ends, by kill -9 too. Whoever finds it
 * taken asks through it by whom.
 */
import { readlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { FlockError } from '../base/errors.ts';

/** What claims a network namespace; the name is the command's. */
export type Claimant = 'run' | 'flush' | 'migrate';

export interface NamespaceClaim extends AsyncDisposable {
  /** Lets the next one in. */
  release(): Promise<void>;
}

/** What a holder says of itself. Process ids mean something within one PID namespace only. */
interface HolderWords {
  claimant: Claimant;
  pid: number;
  pidNamespace: string;
}

/** The leading NUL makes it abstract. `ss -xl` shows it as `@flock-anycast`. */
const socketName = '\0flock-anycast';

/**
 * How long a holder may take to say who it is, in milliseconds. One that is stopped says nothing; one on a busy
 * machine is late, and its name is what the user needs.
 */
const answerMs = 5000;

/**
 * Claims this process's network namespace until it is released or the process ends.
 *
 * @throws FlockError FLOCK_ALREADY_RUNNING naming the holder as far as it answers
 */
export async function claimNamespace(claimant: Claimant): Promise<NamespaceClaim> {
  const words: HolderWords = { claimant, pid: process.pid, pidNamespace: pidNamespace() };
  const server = createServer(client => {
    // Whoever asks may leave without listening.
    client.on('error', () => undefined);
    client.end(JSON.stringify(words));
  });
  try {
    await listen(server);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw alreadyRunning(claimant, await askHolder());
  }
  // The claim alone keeps no program alive.
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

/** Undefined when the holder gives no answer that makes sense: anybody may hold a name. */
async function askHolder(): Promise<HolderWords | undefined> {
  const socket = connect({ path: socketName });
  socket.setEncoding('utf8');
  socket.setTimeout(answerMs, () => socket.destroy(new Error('no answer')));
  try {
    let text = '';
    for await (const chunk of socket) text += chunk;
    const { claimant, pid, pidNamespace } = JSON.parse(text) as Partial<HolderWords>;
    if (typeof claimant !== 'string' || typeof pid !== 'number' || typeof pidNamespace !== 'string')
      return undefined;
    return { claimant, pid, pidNamespace };
  } catch {
    return undefined;
  }
}

function alreadyRunning(claimant: Claimant, holder: HolderWords | undefined): FlockError {
  const remedy =
    claimant === 'run'
      ? 'stop it first, or run this one in another network namespace'
      : `stop it first (systemctl stop, or delete its pod), then ${claimant} again`;
  return new FlockError('FLOCK_ALREADY_RUNNING', `${describeHolder(holder)} in this network namespace`, {
    value: holder?.pid,
    remedy,
  });
}

function describeHolder(holder: HolderWords | undefined): string {
  if (holder === undefined) return 'another program, which does not say who it is, holds @flock-anycast';
  const foreign = holder.pidNamespace !== pidNamespace();
  const where = foreign ? `process ${holder.pid} of another PID namespace` : `process ${holder.pid}`;
  return `flock-anycast ${holder.claimant} (${where}) is already at work`;
}

/** Such as `pid:[4026531836]`. */
function pidNamespace(): string {
  return readlinkSync('/proc/self/ns/pid');
}
