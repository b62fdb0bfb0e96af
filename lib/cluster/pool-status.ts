/** What the status of an AnycastPool says: whether agents honour what its spec says. Pure. */
import { z } from 'zod';
import { conditionSchema } from './condition.ts';

export const poolStatusSchema = z.strictObject({
  observedGeneration: z.int().min(0).optional().describe('The generation of the spec that was judged.'),
  conditions: z.array(conditionSchema).optional(),
});

export type PoolStatus = z.output<typeof poolStatusSchema>;

/**
 * Nothing but the spec goes in: every agent comes to the same, and whichever writes it first speaks for all.
 *
 * @param problem what is wrong with the spec; undefined when nothing is
 * @param now RFC 3339
 */
export function poolStatus(generation: number, problem: string | undefined, now: string): PoolStatus {
  const condition = {
    type: 'Accepted',
    status: problem === undefined ? 'True' : 'False',
    reason: problem === undefined ? 'Valid' : 'Invalid',
    message: problem ?? 'nothing is wrong with its spec',
    lastTransitionTime: now,
  } as const;
  return { observedGeneration: generation, conditions: [condition] };
}
