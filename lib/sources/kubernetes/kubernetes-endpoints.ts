/**
 * Addresses of the API servers: the EndpointSlices of the Service `kubernetes`, which the servers maintain, or its
 * Endpoints where there are none (Kubernetes before 1.21; deprecated since 1.33). The cluster address of the Service is
 * in the service CIDR, which `reserved` contains.
 */
import { z } from 'zod';
import { parseAddress } from '../../base/address.ts';
import { type ClusterAccess, KubernetesCollection } from './kubernetes-collection.ts';

const sliceSchema = z.object({
  addressType: z.enum(['IPv4', 'IPv6']),
  // Also of servers that are not ready: no pod may have the address of one that starts.
  endpoints: z.array(z.object({ addresses: z.array(z.string()) })).nullish(),
});

const endpointsSchema = z.object({
  subsets: z.array(z.object({ addresses: z.array(z.object({ ip: z.string() })).nullish() })).nullish(),
});

/** Canonical texts of addresses, by the name of the object that they are in. */
export class KubernetesEndpoints extends KubernetesCollection<string[]> {
  constructor(options: ClusterAccess) {
    super({
      ...options,
      path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
      labelSelector: 'kubernetes.io/service-name=kubernetes',
      otherwise: {
        path: '/api/v1/namespaces/default/endpoints',
        fieldSelector: 'metadata.name=kubernetes',
      },
      what: 'the endpoints of the API server',
      read: object => [...addressesIn(object)].map(address => parseAddress(address).text),
    });
  }
}

function* addressesIn(object: unknown): Generator<string> {
  const slice = sliceSchema.safeParse(object).data;
  for (const { addresses } of slice?.endpoints ?? []) yield* addresses;
  const { subsets } = endpointsSchema.safeParse(object).data ?? {};
  for (const { addresses } of subsets ?? []) for (const { ip } of addresses ?? []) yield ip;
}
