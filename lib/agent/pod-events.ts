/** Reports refusals as warning Events on their pods, when the pods come from Kubernetes. */

import type { Log } from '../base/log.ts';
import { podWarnings, type Refused } from '../cluster/pod-warnings.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import type { PodCache } from '../sources/pods/pod-cache.ts';

/** @param refused returns the present refusals */
export async function openPodEvents(
  config: ResolvedAgentConfig,
  pods: PodCache,
  refused: () => Iterable<Refused>,
  log: Log,
) {
  if (config.pods.source !== 'kubernetes') return undefined;
  const { KubernetesEvents } = await import('../cluster/kubernetes-events.ts');
  const { KubernetesClient } = await import('../sources/kubernetes/kubernetes-client.ts');
  const { loadKubernetesServer } = await import('../sources/kubernetes/kubernetes-config.ts');
  const client = new KubernetesClient(loadKubernetesServer(config.pods.kubeconfig), log);
  const { name: nodeName } = config.node;
  const read = () => podWarnings(refused(), pods.snapshot());
  const events = new KubernetesEvents({ client, nodeName, read, log });
  events.start();
  return {
    stop() {
      events.stop();
      client.close();
    },
  };
}
