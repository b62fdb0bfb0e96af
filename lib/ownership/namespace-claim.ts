/**
 * Allows one program of ours per network namespace: two agents would undo each other's routes.
 *
 * A program first listens, then looks for others that do: of two that start at once, one sees the other at least. It
 * connects to the other to learn which program it is.
 */
import { readlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { FlockError } from '../base/errors.ts';
import { firstName, isPrivileged, listeningNames, otherName, ownerOf } from './claim-sockets.ts';

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

/**
 * How long to wait for the holder's answer, in milliseconds. A stopped process sends none; on a busy machine the
 * answer is late, and the user needs the name in it.
 */
const answerMs = 5000;

/** The most characters of an answer. */
const longestAnswer = 4096;

/**
 * Claims this process's network namespace until it is released or the process ends.
 *
 * @param report called with a sentence when a program without privilege has taken the name, which does not matter
 * @throws FlockError FLOCK_ALREADY_RUNNING naming the holder as far as it answers
 */
export async function claimNamespace(
  claimant: Claimant,
  report: (message: string) => void = () => {},
): Promise<NamespaceClaim> {
  const deadline = performance.now() + answerMs;
  const server = answerWith({ claimant, pid: process.pid, pidNamespace: pidNamespace() });
  const release = () => new Promise<void>(resolve => server.close(() => resolve()));
  /** Those without privilege, by the name that they have taken. */
  const others = new Map<string, string>();
  const refuseIfHeld = async (name: string) => {
    const owner = await ownerOf(name, deadline);
    if (isPrivileged(owner)) throw alreadyRunning(claimant, await askHolder(name));
    others.set(name, owner === undefined ? 'unknown user' : `user ${owner.uid}, process ${owner.pid}`);
  };
  let name = firstName;
  if (!(await listen(server, name))) {
    await refuseIfHeld(name);
    name = otherName();
    await listen(server, name);
  }
  try {
    for (const other of listeningNames()) if (other !== name) await refuseIfHeld(other);
  } catch (error) {
    await release();
    throw error;
  }
  const [who] = others.values();
  if (who !== undefined)
    report(`programs without privilege have taken names of the claim: ${others.size} (the first: ${who})`);
  // The claim alone does not keep the process running.
  server.unref();
  return { release, [Symbol.asyncDispose]: release };
}

/** Anybody may connect: a client gets its answer and is closed, so that it holds none of our descriptors. */
function answerWith(self: Holder): Server {
  return createServer(client => {
    // The client may close the connection before it has read the answer.
    client.on('error', () => undefined);
    client.end(JSON.stringify(self), () => client.destroy());
  });
}

/** @returns false when the name is in use */
async function listen(server: Server, name: string): Promise<boolean> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: name }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    return false;
  }
  // Such as an accept that found no descriptor: the claim is in force.
  server.on('error', () => undefined);
  return true;
}

/** @returns undefined when there is no valid answer in time: any program may use the name */
async function askHolder(name: string): Promise<Holder | undefined> {
  const socket = connect({ path: name });
  socket.setEncoding('utf8');
  const timer = setTimeout(() => socket.destroy(new Error('no answer')), answerMs);
  try {
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (text.length > longestAnswer) return undefined;
    }
    const { claimant, pid, pidNamespace } = JSON.parse(text) as Partial<Holder>;
    if (typeof claimant !== 'string' || typeof pid !== 'number' || typeof pidNamespace !== 'string')
      return undefined;
    return { claimant, pid, pidNamespace };
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    socket.destroy();
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
