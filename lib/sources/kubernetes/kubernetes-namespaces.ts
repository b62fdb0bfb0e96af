/** Labels of the cluster's namespaces: what a pool's selector looks at. A pod's author can not write them. */
import { z } from 'zod';
import { KubernetesCollection, type KubernetesCollectionOptions } from './kubernetes-collection.ts';

export type Labels = Readonly<Record<string, string>>;
type Options = Pick<KubernetesCollectionOptions<Labels>, 'client' | 'log' | 'timing'>;

const namespaceSchema = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).nullish() }),
});

/** By name. */
export class KubernetesNamespaces extends KubernetesCollection<Labels> {
  constructor(options: Options) {
    super({
      ...options,
      path: '/api/v1/namespaces',
      what: 'the namespaces',
      read: object => namespaceSchema.safeParse(object).data?.metadata.labels ?? {},
    });
  }
}
