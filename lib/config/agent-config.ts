/**
 * The agent's configuration file: YAML, every key documented by its schema, nothing unknown accepted.
 * What BGP needs (peers, ASNs) is the node config (`sources/node-config.ts`), for it changes while we run.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeIssues } from '../base/describe-issues.ts';
import { FlockError } from '../base/errors.ts';
import { mainTable } from '../base/routing-table.ts';
import { metricNumber, protocolNumber, tableNumber } from './route-identity.ts';

const path = z.string().min(1);
const milliseconds = z.int().min(0);
/** What a resilient group's timers take, in whole seconds: hundredths of a second in 32 bits. */
const seconds = z.int().min(0).max(1_000_000);

const keys = z.strictObject({
  node: z
    .strictObject({
      name: z
        .string()
        .min(1)
        .optional()
        .describe(
          "This node's name in Kubernetes. Default: the environment variable NODE_NAME, as manifests set it from the pod's spec.nodeName; else the host name.",
        ),
    })
    .prefault({}),
  pods: z
    .discriminatedUnion('source', [
      z.strictObject({
        source: z.literal('kubernetes'),
        kubeconfig: path.optional().describe('A kubeconfig file. Default: in-cluster, else ~/.kube/config.'),
      }),
      z.strictObject({
        source: z.literal('directory'),
        path: path.describe('A folder of pod manifests with status, one a file, JSON or YAML.'),
      }),
    ])
    .describe('Where pods and their readiness come from.'),
  allocations: z
    .discriminatedUnion(
      'source',
      [
        z.strictObject({
          source: z
            .literal('file')
            .default('file')
            .describe('An allocation file says who has which address.'),
          path: path.default('/var/lib/flock-anycast/allocations.json').describe('The allocation file.'),
          owner: z
            .enum(['agent', 'other'])
            .default('agent')
            .describe(
              '`agent`: we write it, on the word of the local API. `other`: another program keeps it, we only read and watch it.',
            ),
          socket: path
            .default('/run/flock-anycast/api.sock')
            .describe('UNIX socket of the local API; there is none with `owner: other`.'),
        }),
        z.strictObject({
          source: z
            .literal('annotations')
            .describe('Pods ask by annotation; the way to a pod is the kernel’s. Works with any CNI.'),
          keys: z
            .array(z.string().regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9._-]+$/, 'must be the key of an annotation'))
            .min(1)
            .default(['flock-anycast.io/addresses', 'flock.fritzlab.net/anycast'])
            .describe('Annotations that list addresses, all of them read.'),
        }),
      ],
      { error: 'source must be file or annotations' },
    )
    .prefault({}),
  nodeConfig: z
    .strictObject({
      source: z
        .enum(['file', 'kubernetes'])
        .default('file')
        .describe(
          '`kubernetes`: the custom resources NodeConfig, and AnycastPool for who may use which address. `file`: `path`.',
        ),
      path: path
        .default('/etc/flock-anycast/node-config.yaml')
        .describe('BGP settings of this node. While there is no such file, BIRD is left alone.'),
    })
    .prefault({}),
  routes: z
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
            .describe(
              'Buckets of a resilient group; many times the number of pods that share a destination.',
            ),
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
    .prefault({}),
  state: z
    .strictObject({
      path: path
        .default('/var/lib/flock-anycast/state.json')
        .describe(
          'Where we remember which table, metric and protocols our routes have, so that changing them moves the routes.',
        ),
    })
    .prefault({}),
  reconcile: z
    .strictObject({
      tickMs: milliseconds.min(100).default(2000).describe('A pass at least this often, in milliseconds.'),
      auditMs: milliseconds
        .min(1000)
        .default(30_000)
        .describe(
          'The kernel is read and compared with what we believe at least this often, in milliseconds.',
        ),
      settleMs: milliseconds
        .default(50)
        .describe('How long a withdrawn route still forwards before it is removed, in milliseconds.'),
    })
    .prefault({}),
  drain: z
    .strictObject({
      terminatingMs: milliseconds
        .default(5000)
        .describe('How long a terminating pod that still serves is forwarded to after its withdrawal.'),
      longestMs: milliseconds
        .default(300_000)
        .describe('The longest a pod may ask for by the annotation flock-anycast.io/drain-seconds.'),
      notReadyMs: milliseconds
        .default(0)
        .describe('The same for a pod that is not Ready but not terminating.'),
      taint: z
        .string()
        .min(1)
        .default('flock-anycast.io/drain')
        .describe('A node with a taint of this key withdraws everything and forwards on (Kubernetes only).'),
      whenUnschedulable: z.boolean().default(false).describe('A cordoned node does so too.'),
    })
    .prefault({}),
  bird: z
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
    .prefault({}),
  sysctl: z
    .strictObject({
      set: z.boolean().default(true).describe('Set net.ipv4/ipv6.fib_multipath_hash_policy=1 where allowed.'),
    })
    .prefault({}),
  observe: z
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
    .prefault({}),
});

export const agentConfigSchema = keys.refine(
  ({ nodeConfig, pods }) => nodeConfig.source === 'file' || pods.source === 'kubernetes',
  { path: ['nodeConfig', 'source'], error: 'kubernetes needs pods.source: kubernetes' },
);

export type AgentConfig = z.output<typeof agentConfigSchema>;

/** The same with this machine's answers filled in. */
export type ResolvedAgentConfig = AgentConfig & { node: { name: string } };

/**
 * @param text YAML or JSON
 * @param origin how messages name the text, usually its path
 * @throws FlockError FLOCK_CONFIG_INVALID naming every wrong key by its path
 */
export function parseAgentConfig(text: string, origin: string): ResolvedAgentConfig {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (cause) {
    throw new FlockError('FLOCK_CONFIG_INVALID', `${origin} is not YAML: ${(cause as Error).message}`, {
      remedy: 'mend the syntax at the line named',
      cause,
    });
  }
  const result = agentConfigSchema.safeParse(raw ?? {});
  if (!result.success) {
    throw new FlockError('FLOCK_CONFIG_INVALID', `${origin}: ${describeIssues(result.error)}`, {
      value: raw,
      remedy: 'see `flock-anycast run --help` and the README for the keys there are',
    });
  }
  const config = result.data;
  return { ...config, node: { name: config.node.name ?? (process.env.NODE_NAME || hostname()) } };
}

/** Reads and parses the file at `file`. */
export function loadAgentConfig(file: string): ResolvedAgentConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new FlockError('FLOCK_CONFIG_INVALID', `can not read ${file}: ${(cause as Error).message}`, {
      value: file,
      remedy: 'give the path of a readable configuration file with --config',
      cause,
    });
  }
  return parseAgentConfig(text, file);
}
