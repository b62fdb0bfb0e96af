/** BIRD, sysctls and observation. */
import { z } from 'zod';
import { path } from './scalars.ts';

export const bird = z
  .strictObject({
    mode: z
      .enum(['learn', 'filter'])
      .default('learn')
      .describe(
        '`learn`: BIRD learns the kernel routes of the agent. `filter`: the agent writes the active addresses into the configuration of BIRD.',
      ),
    config: path
      .default('/etc/bird/bird.conf')
      .describe("BIRD's configuration file; the agent overwrites it."),
    socket: path.default('/run/bird/bird.ctl').describe("BIRD's control socket."),
    kernelExport: z
      .enum(['auto', 'always', 'never'])
      .default('auto')
      .describe('Whether BIRD exports received BGP routes to the kernel; `auto`: unless another BIRD does.'),
  })
  .prefault({});

export const sysctl = z
  .strictObject({
    set: z
      .boolean()
      .default(true)
      .describe(
        "Set, at start and again while the agent runs, where permitted: fib_multipath_hash_policy=1 and forwarding of the families that peers carry (IPv6 not while a default route of the node would go with it, see accept_ra in docs/install.md), rp_filter=2 and forwarding of pods' interfaces, net.ipv4.nexthop_compat_mode=1 where BIRD needs it. Otherwise what is wrong is only reported.",
      ),
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
      .refine(text => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'a port is at most 65535')
      .optional()
      .describe('Address and port of /metrics, /healthz and /status. Default: not served.'),
    hosts: z
      .array(z.string().regex(/^[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*$/, 'must be a host name, without a port'))
      .default([])
      .describe(
        'Host names by which clients may ask for these; addresses and localhost are always allowed, other names are refused (421).',
      ),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .prefault({});
