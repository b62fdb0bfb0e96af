/** The status of an AnycastPool: whether agents accept its spec. Pure. */
import { z } from 'zod';
import { conditionSchema } from './condition.ts';

export const poolStatusSchema = z.strictObject({
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('The generation of the spec that this status is about.'),
  conditions: z.array(conditionSchema).optional(),
});

export type PoolStatus = z.output<typeof poolStatusSchema>;

/**
 * It depends on the spec alone: all agents compute the same status, and any of them may write it.
 *
 * @param problem what is wrong with the spec; undefined when nothing is
 * @param now RFC 3339
 */
export function poolStatus(generation: number, problem: string | undefined, now: string): PoolStatus {
  const condition = {
    type: 'Accepted',
    status: problem === undefined ? 'True' : 'False',
    reason: problem === undefined ? 'Valid' : 'Invalid',
    message: problem === undefined ? 'the spec is valid' : problem || 'the spec is invalid',
    lastTransitionTime: now,
  } as const;
  return { observedGeneration: generation, conditions: [condition] };
}
