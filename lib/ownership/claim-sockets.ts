/**
 * The abstract UNIX sockets (unix(7)) by which programs of ours claim a network namespace. Such a socket is visible in
 * exactly one network namespace, independent of file systems and PID namespaces, and the kernel closes it when its
 * process ends, also by kill -9.
 *
 * Anybody may take any name. So the kernel is asked who listens, and only a program of root, or of our own user, counts.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type NativeError, type SocketOwner, socketOwner } from '../kernel/socket/route-socket.ts';

/** The leading NUL makes it abstract. `ss -xl` shows it as `@flock-anycast`. */
export const firstName = '\0flock-anycast';

/** A name that nobody can have taken, for where somebody who does not count has the first one. */
export function otherName(): string {
  return `${firstName}/${randomBytes(16).toString('hex')}`;
}

/**
 * A line of /proc/net/unix: stream sockets that listen (`__SO_ACCEPTCON`), `@` for the leading NUL.
 *
 *     0000000000000000: 00000002 00000000 00010000 0001 01 12345 @flock-anycast
 */
const listener = /^\S+ \S+ \S+ 00010000 0001 \S+ +\d+ @(flock-anycast(?:\/[0-9a-f]{32})?)$/gm;

/** Every name of a claim at which a program of this network namespace listens, whoever it is. */
export function listeningNames(): string[] {
  return [...readFileSync('/proc/self/net/unix', 'utf8').matchAll(listener)].map(([, name]) => `\0${name}`);
}

/** While too many clients wait at a socket, this long in milliseconds. */
const retryMs = 50;

/**
 * @param deadline until when a listener with too many clients is asked again, by `performance.now()`
 * @returns undefined when nothing listens there, or its clients leave no room: then it is not one of ours, which accept
 *   at once
 */
export async function ownerOf(name: string, deadline: number): Promise<SocketOwner | undefined> {
  for (;;) {
    try {
      return socketOwner(name);
    } catch (error) {
      if ((error as NativeError).syscall !== 'connect') throw error;
      if ((error as NativeError).code !== 'EAGAIN' || performance.now() > deadline) return undefined;
      await setTimeout(retryMs);
    }
  }
}

/** Whether a listener's claim counts. */
export function isPrivileged(owner: SocketOwner | undefined): boolean {
  return owner !== undefined && (owner.uid === 0 || owner.uid === process.geteuid?.());
}
