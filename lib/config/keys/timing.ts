/** When the agent acts: how often it reconciles, and how long a pod or a node drains. */
import { z } from 'zod';
import { milliseconds } from './scalars.ts';

export const reconcile = z
  .strictObject({
    tickMs: milliseconds
      .min(100)
      .default(2000)
      .describe('The longest time between two reconcile passes, in milliseconds.'),
    auditMs: milliseconds
      .min(1000)
      .default(30_000)
      .describe(
        'The longest time between two comparisons of the kernel with the expected routes, in milliseconds.',
      ),
    settleMs: milliseconds
      .default(50)
      .describe('How long a withdrawn route still forwards before it is removed, in milliseconds.'),
  })
  .prefault({});

export const drain = z
  .strictObject({
    terminatingMs: milliseconds
      .default(5000)
      .describe(
        'How long traffic is still forwarded to a terminating pod that serves, after the withdrawal, in milliseconds.',
      ),
    longestMs: milliseconds
      .default(300_000)
      .describe(
        'The longest drain that the annotation flock-anycast.io/drain-seconds of a pod can request, in milliseconds.',
      ),
    notReadyMs: milliseconds
      .default(0)
      .describe('Like terminatingMs, for a pod that is not Ready but not terminating.'),
    nodeRecoveryMs: milliseconds
      .default(30_000)
      .describe(
        'How long a pod is still served that the node controller, and not its kubelet, has set to not Ready, after the node is Ready again, in milliseconds; without end while the node is not Ready. 0: not at all (Kubernetes only).',
      ),
    taint: z
      .string()
      .min(1)
      .default('flock-anycast.io/drain')
      .describe(
        'A node with a taint of this key withdraws all addresses and still forwards (Kubernetes only).',
      ),
    whenUnschedulable: z.boolean().default(false).describe('Whether a cordoned node also does so.'),
  })
  .prefault({});
