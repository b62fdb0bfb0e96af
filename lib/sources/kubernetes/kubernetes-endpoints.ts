/**
 * Addresses of the API servers: the Endpoints of the Service `kubernetes`, which the servers maintain. The cluster
 * address of the Service is in the service CIDR, which `reserved` contains.
 */
import { z } from 'zod';
import { parseAddress } from '../../base/address.ts';
import { type ClusterAccess, KubernetesCollection } from './kubernetes-collection.ts';

const endpointsSchema = z.object({
  subsets: z.array(z.object({ addresses: z.array(z.object({ ip: z.string() })).nullish() })).nullish(),
});

/** Canonical texts of addresses, under the one name `kubernetes`. */
export class KubernetesEndpoints extends KubernetesCollection<string[]> {
  constructor(options: ClusterAccess) {
    super({
      ...options,
      path: '/api/v1/namespaces/default/endpoints',
      what: 'the endpoints of the API server',
      fieldSelector: 'metadata.name=kubernetes',
      read: object =>
        (endpointsSchema.safeParse(object).data?.subsets ?? []).flatMap(({ addresses }) =>
          (addresses ?? []).map(({ ip }) => parseAddress(ip).text),
        ),
    });
  }
}
