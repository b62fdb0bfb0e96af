/** Drains this node while its node config or its Kubernetes node object requires that. */
import type { AgentContext } from './context.ts';
import type { AnycastReconciler } from './reconciler.ts';
import type { Sources } from './sources.ts';

/** Withdraws everything while the node drains; the routes still forward. */
export async function followDraining(
  context: AgentContext,
  { nodeConfig }: Sources,
  reconciler: AnycastReconciler,
): Promise<void> {
  const kubernetesNode = await openKubernetesNode(context);
  const decide = () => {
    const draining = nodeConfig.snapshot()?.node.draining || kubernetesNode?.draining;
    reconciler.withdrawEverything(draining ? Number.POSITIVE_INFINITY : undefined);
  };
  nodeConfig.onChange(decide);
  kubernetesNode?.onChange(decide);
  decide();
  kubernetesNode?.start();
}

async function openKubernetesNode({ config, log, stops }: AgentContext) {
  if (config.pods.source !== 'kubernetes') return undefined;
  const { KubernetesNode } = await import('../sources/kubernetes/kubernetes-node.ts');
  const { kubeconfig } = config.pods;
  const { taint, whenUnschedulable } = config.drain;
  const node = new KubernetesNode({ nodeName: config.node.name, kubeconfig, taint, whenUnschedulable, log });
  stops.add(() => node.stop());
  return node;
}
