/** Waiting for a daemon that does not say when the kernel has it all: the kernel is looked at until it has. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cell, Field, Operation } from '../field.ts';

const deadlineMs = 120_000;

/**
 * Looks pause for as long as one takes, so that looking takes half the time of one core at most and is late by
 * less than two looks.
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
