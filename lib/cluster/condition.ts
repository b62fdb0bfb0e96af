/** A condition in the status of a custom resource, by the conventions of Kubernetes. */
import { z } from 'zod';

export const conditionSchema = z.strictObject({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.string().describe('When `status` last changed while the running agent saw it.'),
});

export type Condition = z.output<typeof conditionSchema>;
