/** Waits for a daemon that does not report when the kernel has all routes: the kernel is read until it has them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cell, Field, Operation } from '../field.ts';

const deadlineMs = 120_000;

/**
 * Between two reads it pauses for as long as one read takes: reading takes at most half the time of one core, and the
 * result is late by less than two reads.
 */
export async function untilProgrammed(field: Field, operation: Operation, cell: Cell): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const began = performance.now();
    const failure = await field.verify(operation, cell).then(
      () => undefined,
      error => error as Error,
    );
    if (failure === undefined) return;
    if (performance.now() > deadline) throw failure;
    await sleep(Math.max(1, performance.now() - began));
  }
}
