/** Whether BIRD's protocols run, from its reply to `show protocols`. Pure. */
import type { Reply } from './reply.ts';

/**
 * A configured protocol is not up at once: until it is, the kernel's notifications are lost to it, up to its next scan.
 *
 * @param reply undefined when BIRD does not answer: then none of them is up
 */
export function areUp(names: readonly string[], reply: Reply | undefined): boolean {
  const up = new Set<string>();
  // Name, protocol, table, state (nest/proto.c), as in `learn4  Kernel  master4  up  2026-11-28`.
  for (const { text } of reply?.lines ?? []) {
    const line = /^(\S+) +\S+ +\S+ +up\b/.exec(text);
    if (line !== null) up.add(String(line[1]));
  }
  return names.every(name => up.has(name));
}
