/** What the agent's routes are like, and where it remembers that. */

import { z } from 'zod';
import { mainTable } from '../../base/routing-table.ts';
import { metricNumber, protocolNumber, tableNumber } from '../route-identity.ts';
import { path } from './scalars.ts';

/** What a resilient group's timers take, in whole seconds: hundredths of a second in 32 bits. */
const seconds = z.int().min(0).max(1_000_000);

export const routes = z
  .strictObject({
    table: tableNumber.default(mainTable).describe(`Routing table of our routes; ${mainTable} is main.`),
    metric: metricNumber
      .default(16)
      .describe("Metric of our routes; below BIRD's 32, so that a local pod wins over a BGP path."),
    protocols: z
      .strictObject({
        advertise: protocolNumber.default(70).describe('Route protocol number: forwarded and announced.'),
        hold: protocolNumber.default(71).describe('Route protocol number: forwarded, no longer announced.'),
      })
      .prefault({})
      .refine(({ advertise, hold }) => advertise !== hold, {
        error: 'advertise and hold must differ',
      }),
    nexthops: z
      .enum(['multipath', 'groups', 'resilient'])
      .default('multipath')
      .describe(
        '`multipath`: each route has its nexthops. `groups`: destinations of the same pods share a nexthop group: a pod leaves by one message, and routes outlive its interface (Linux 5.3). `resilient`: such groups keep flows where they are when pods come and go, and drain by weight: for TCP (Linux 5.13).',
      ),
    resilient: z
      .strictObject({
        buckets: z
          .int()
          .min(1)
          .max(32_768)
          .default(256)
          .describe('Buckets of a resilient group; many times the number of pods that share a destination.'),
        idleSeconds: seconds
          .default(60)
          .describe(
            'A bucket without a packet for so long may move to another pod, and its connections break.',
          ),
        unbalancedSeconds: seconds
          .default(0)
          .describe(
            'After so long with too few buckets a pod is given busy ones too, and their connections break; 0 is never.',
          ),
      })
      .prefault({}),
  })
  .prefault({});

export const state = z
  .strictObject({
    path: path
      .default('/var/lib/flock-anycast/state.json')
      .describe(
        'Where we remember which table, metric and protocols our routes have, so that changing them moves the routes.',
      ),
  })
  .prefault({});
