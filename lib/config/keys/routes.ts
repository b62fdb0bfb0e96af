/** What identifies the agent's routes, how they name nexthops, and where that is remembered. */
import { z } from 'zod';
import { mainTable } from '../../base/routing-table.ts';
import { metricNumber, protocolNumber, tableNumber } from '../route-identity.ts';
import { path } from './scalars.ts';

/** The timers of a resilient group, in whole seconds: the kernel has hundredths of a second in 32 bits. */
const seconds = z.int().min(0).max(1_000_000);

export const routes = z
  .strictObject({
    table: tableNumber
      .default(mainTable)
      .describe(`Routing table of the agent's routes; ${mainTable} is main.`),
    metric: metricNumber
      .default(16)
      .describe(
        "Metric of the agent's routes; below BIRD's 32, so that a local pod is preferred to a BGP path.",
      ),
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
        '`multipath`: each route has its own nexthops. `groups`: destinations of the same pods share a nexthop group, so that a pod is removed by one message, and routes stay when its interface is deleted (Linux 5.3). `resilient`: such groups also keep flows on their pod when other pods are added or removed, and drain by weight; for TCP (Linux 5.13).',
      ),
    resilient: z
      .strictObject({
        buckets: z
          .int()
          .min(1)
          .max(32_768)
          .default(256)
          .describe(
            'Buckets of a resilient group; set it to many times the number of pods that share a destination.',
          ),
        idleSeconds: seconds
          .default(60)
          .describe(
            'A bucket that had no packet for this long, in seconds, may move to another pod, and its connections break.',
          ),
        unbalancedSeconds: seconds
          .default(0)
          .describe(
            'A pod that had too few buckets for this long, in seconds, also gets busy ones, and their connections break; 0 means never.',
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
        "File with the table, metric and protocols of the agent's routes, so that a change of these moves the routes.",
      ),
  })
  .prefault({});
