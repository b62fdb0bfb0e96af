/** Labels of the cluster's namespaces, for the selectors of pools. The author of a pod can not write them. */
import { z } from 'zod';
import { type ClusterAccess, KubernetesCollection } from './kubernetes-collection.ts';

export type Labels = Readonly<Record<string, string>>;

const namespaceSchema = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).nullish() }),
});

/** By name. */
export class KubernetesNamespaces extends KubernetesCollection<Labels> {
  constructor(options: ClusterAccess) {
    super({
      ...options,
      path: '/api/v1/namespaces',
      what: 'the namespaces',
      read: object => namespaceSchema.safeParse(object).data?.metadata.labels ?? {},
    });
  }
}
