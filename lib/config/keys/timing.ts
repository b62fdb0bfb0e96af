/** When the agent acts: how often it reconciles, and how long a pod or a node drains. */
import { z } from 'zod';
import { milliseconds } from './scalars.ts';

export const reconcile = z
  .strictObject({
    tickMs: milliseconds.min(100).default(2000).describe('A pass at least this often, in milliseconds.'),
    auditMs: milliseconds
      .min(1000)
      .default(30_000)
      .describe('The kernel is read and compared with what we believe at least this often, in milliseconds.'),
    settleMs: milliseconds
      .default(50)
      .describe('How long a withdrawn route still forwards before it is removed, in milliseconds.'),
  })
  .prefault({});

export const drain = z
  .strictObject({
    terminatingMs: milliseconds
      .default(5000)
      .describe('How long a terminating pod that still serves is forwarded to after its withdrawal.'),
    longestMs: milliseconds
      .default(300_000)
      .describe('The longest a pod may ask for by the annotation flock-anycast.io/drain-seconds.'),
    notReadyMs: milliseconds.default(0).describe('The same for a pod that is not Ready but not terminating.'),
    taint: z
      .string()
      .min(1)
      .default('flock-anycast.io/drain')
      .describe('A node with a taint of this key withdraws everything and forwards on (Kubernetes only).'),
    whenUnschedulable: z.boolean().default(false).describe('A cordoned node does so too.'),
  })
  .prefault({});
