/** What the agent has to do with besides routes: BIRD, sysctls, and those who look at it. */
import { z } from 'zod';
import { path } from './scalars.ts';

export const bird = z
  .strictObject({
    mode: z
      .enum(['learn', 'filter'])
      .default('learn')
      .describe('`learn`: BIRD learns our kernel routes. `filter`: the active set is rendered into BIRD.'),
    config: path.default('/etc/bird/bird.conf').describe("BIRD's configuration file; we own it."),
    socket: path.default('/run/bird/bird.ctl').describe("BIRD's control socket."),
    kernelExport: z
      .enum(['auto', 'always', 'never'])
      .default('auto')
      .describe(
        "Whether BIRD puts the BGP routes it receives into this node's kernel; `auto`: unless another BIRD does.",
      ),
  })
  .prefault({});

export const sysctl = z
  .strictObject({
    set: z.boolean().default(true).describe('Set net.ipv4/ipv6.fib_multipath_hash_policy=1 where allowed.'),
  })
  .prefault({});

export const observe = z
  .strictObject({
    listen: z
      .string()
      .regex(
        /^(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):\d{1,5}$/,
        'must be ADDRESS:PORT, such as 127.0.0.1:9470',
      )
      .optional()
      .describe('Address and port of /metrics, /healthz and /status. Default: not served.'),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .prefault({});
