/** A cluster full of pods on a real API server: those of one node, which ask for addresses, and all the others. */
import { Agent } from 'node:https';
import { KubeApi } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import type { Progress } from './progress.ts';

/** More do not make the server any faster. */
const connections = 16;
/** What a kubelet takes by default. */
const podsOfOtherNodes = 110;
/** Pods that share an address. */
const groupSize = 10;

/** What begins the name of a pod of another node, and of nothing else in the cluster. */
export const foreignName = 'elsewhere-';

/** The name of a node whose pods are not of interest. */
export function otherNode(index: number): string {
  return `other-${index}`;
}

/** How many other nodes have their full share of pods. */
export function fullNodes({ local, all }: { local: number; all: number }): number {
  return Math.floor((all - local) / podsOfOtherNodes);
}

/** A pod of the node, by its index. */
export interface LocalPod {
  readonly name: string;
  readonly hostInterface: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** An address of its own. */
  readonly own: string;
  /** An address that it shares with a few. */
  readonly shared: string;
}

export function localPod(index: number): LocalPod {
  const [high, low] = [index >> 8, index & 255];
  return {
    name: `here-${index}`,
    hostInterface: `v${index}`,
    ipv4: `10.64.${high}.${low}`,
    ipv6: `fd00:64::${(index + 1).toString(16)}`,
    own: `10.200.${high}.${low}`,
    shared: `2001:db8:53::${(Math.floor(index / groupSize) + 1).toString(16)}`,
  };
}

/** An API client for many requests at a time. */
export function busyApi(server: KubeApiServer): KubeApi & { close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return Object.assign(new KubeApi(server.url, server.caPath, server.token, agent), {
    close: () => agent.destroy(),
  });
}

/** Creates `all` pods, the first `local` of them on `node`, with their addresses and Ready. */
export async function fillCluster(
  api: KubeApi,
  { node, local, all }: { node: string; local: number; all: number },
  progress: Progress,
): Promise<void> {
  await api.request('POST', '/api/v1/nodes', { metadata: { name: node } });
  await each(all, progress, async index => {
    if (index >= local) {
      const other = otherNode(Math.floor((index - local) / podsOfOtherNodes));
      await api.request('POST', podsPath, manifest(`${foreignName}${index}`, other, {}));
      return;
    }
    const { name, ipv4, ipv6, own, shared } = localPod(index);
    const annotations = { 'flock-anycast.io/addresses': `${own}, ${shared}` };
    await api.request('POST', podsPath, manifest(name, node, annotations));
    await api.patchPodStatus(name, runningStatus([ipv4, ipv6]));
  });
}

async function each(count: number, progress: Progress, act: (index: number) => Promise<void>) {
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < count) {
      await act(next++);
      progress.at(++done, count);
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
}

const podsPath = '/api/v1/namespaces/default/pods';

/** As large as a Deployment's pods are: a figure of bytes a pod means nothing for an empty one. */
function manifest(name: string, nodeName: string, annotations: Record<string, string>): object {
  const probe = {
    httpGet: { path: '/healthz', port: 8053 },
    periodSeconds: 10,
    timeoutSeconds: 1,
    failureThreshold: 3,
  };
  return {
    metadata: {
      name,
      annotations,
      labels: {
        'app.kubernetes.io/name': 'dns',
        'app.kubernetes.io/instance': 'dns-1',
        'pod-template-hash': '5d78c9869d',
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'dns-5d78c9869d',
          uid: '9a7f0d0a-7f1e-4c59-8a39-0f7c6f3f2a11',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      nodeName,
      serviceAccountName: 'dns',
      automountServiceAccountToken: false,
      volumes: [
        { name: 'config', configMap: { name: 'dns', items: [{ key: 'Corefile', path: 'Corefile' }] } },
      ],
      tolerations: [
        {
          key: 'node.kubernetes.io/not-ready',
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        },
      ],
      containers: [
        {
          name: 'dns',
          image: 'registry.example.com/dns/coredns:1.12.0',
          args: ['-conf', '/etc/coredns/Corefile'],
          ports: [
            { name: 'dns', containerPort: 53, protocol: 'UDP' },
            { name: 'metrics', containerPort: 9153 },
          ],
          env: ['POD_NAME', 'POD_NAMESPACE'].map(variable => ({
            name: variable,
            valueFrom: {
              fieldRef: { fieldPath: variable === 'POD_NAME' ? 'metadata.name' : 'metadata.namespace' },
            },
          })),
          resources: { requests: { cpu: '100m', memory: '70Mi' }, limits: { memory: '170Mi' } },
          volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
          livenessProbe: probe,
          readinessProbe: probe,
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { add: ['NET_BIND_SERVICE'], drop: ['all'] },
          },
        },
      ],
    },
  };
}

/** What a kubelet says of a pod that runs and is Ready. */
function runningStatus(podIPs: string[]): object {
  const lastTransitionTime = '2026-11-24T12:00:00Z';
  return {
    phase: 'Running',
    hostIP: '10.0.0.11',
    podIP: podIPs[0],
    podIPs: podIPs.map(ip => ({ ip })),
    startTime: lastTransitionTime,
    conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(type => ({
      type,
      status: 'True',
      lastTransitionTime,
    })),
    containerStatuses: [
      {
        name: 'dns',
        image: 'registry.example.com/dns/coredns:1.12.0',
        imageID: `registry.example.com/dns/coredns@sha256:${'a'.repeat(64)}`,
        containerID: `containerd://${'b'.repeat(64)}`,
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: lastTransitionTime } },
      },
    ],
  };
}
