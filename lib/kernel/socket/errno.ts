/** Names and meanings of the kernel's error numbers, from the C library by way of Node. */
import { getSystemErrorMap } from 'node:util';

const known = getSystemErrorMap();

/** `ENETUNREACH` for 101. */
export function errnoName(errno: number): string {
  return known.get(-errno)?.[0] ?? `errno ${errno}`;
}

/** `network is unreachable (ENETUNREACH)` for 101; the kernel's own words where it had some. */
export function describeErrno(errno: number, words?: string): string {
  const [name, meaning] = known.get(-errno) ?? [`errno ${errno}`, 'unknown error'];
  return `${words ?? meaning} (${name})`;
}
