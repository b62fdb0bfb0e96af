/** What this process may do (capabilities(7)). */
import { readFileSync } from 'node:fs';
import { FlockError } from './errors.ts';

/** Whether this process may change routes: CAP_NET_ADMIN, bit 12 of capabilities(7), is effective. */
export function hasNetAdmin(status = readFileSync('/proc/self/status', 'utf8')): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << 12n)) !== 0n;
}

/** @throws FlockError FLOCK_NO_NET_ADMIN */
export function requireNetAdmin(): void {
  if (hasNetAdmin()) return;
  throw new FlockError('FLOCK_NO_NET_ADMIN', 'this process may not change routes', {
    remedy: 'run as root, or with the capability CAP_NET_ADMIN effective',
  });
}
