/** Where the agent's inputs come from: the node's name, pods, allocations and the node config. */
import { z } from 'zod';
import { milliseconds, path } from './scalars.ts';

export const node = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .optional()
      .describe(
        "This node's name in Kubernetes. Default: the environment variable NODE_NAME, which the manifests set from the pod's spec.nodeName; else the host name.",
      ),
  })
  .prefault({});

export const pods = z
  .discriminatedUnion('source', [
    z.strictObject({
      source: z.literal('kubernetes'),
      kubeconfig: path
        .optional()
        .describe('A kubeconfig file. Default: those of $KUBECONFIG, else in-cluster, else ~/.kube/config.'),
    }),
    z.strictObject({
      source: z.literal('directory'),
      path: path.describe('A folder of pod manifests with status, one per file, JSON or YAML.'),
    }),
  ])
  .describe('Where pods and their readiness come from.');

export const allocations = z
  .discriminatedUnion(
    'source',
    [
      z.strictObject({
        source: z
          .literal('file')
          .default('file')
          .describe('An allocation file lists the addresses of each pod.'),
        path: path.default('/var/lib/flock-anycast/allocations.json').describe('The allocation file.'),
        owner: z
          .enum(['agent', 'other'])
          .default('agent')
          .describe(
            '`agent`: the agent writes it, at requests to the local API. `other`: another program writes it, and the agent only reads and watches it.',
          ),
        socket: path
          .default('/run/flock-anycast/api.sock')
          .describe('UNIX socket of the local API; not served with `owner: other`.'),
        sweepAfterMs: milliseconds
          .default(600_000)
          .describe(
            'With `owner: agent` and pods from Kubernetes: an allocation is removed when the API server has known for this long that its pod is gone, in milliseconds; 0: never.',
          ),
      }),
      z.strictObject({
        source: z
          .literal('annotations')
          .describe(
            'Pods request addresses by annotation, and the kernel knows the path to a pod. Works with any CNI.',
          ),
        keys: z
          .array(z.string().regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9._-]+$/, 'must be the key of an annotation'))
          .min(1)
          .default(['flock-anycast.io/addresses', 'flock.fritzlab.net/anycast'])
          .describe('Annotations that list addresses; all of them are read.'),
      }),
    ],
    { error: 'source must be file or annotations' },
  )
  .prefault({});

export const pools = z
  .strictObject({
    path: path
      .optional()
      .describe(
        'A file of pools: which namespaces and service accounts may use which addresses, as AnycastPools say it in a cluster. Required with allocations.source annotations, unless nodeConfig.source is kubernetes.',
      ),
  })
  .prefault({});

export const nodeConfig = z
  .strictObject({
    source: z
      .enum(['file', 'kubernetes'])
      .default('file')
      .describe(
        '`kubernetes`: the custom resources NodeConfig, and AnycastPool for who may use which address. `file`: `path`.',
      ),
    path: path
      .default('/etc/flock-anycast/node-config.yaml')
      .describe('BGP settings of this node. BIRD is not configured while this file is missing.'),
  })
  .prefault({});
