/** The cluster's AnycastPools. */
import type { AddressPool } from '../desired/policy.ts';
import { KubernetesCollection, type KubernetesCollectionOptions } from './kubernetes-collection.ts';
import { poolOf } from './pool-resource.ts';
import { resourcePath } from './resource-api.ts';

type Options = Pick<KubernetesCollectionOptions<AddressPool>, 'client' | 'log' | 'timing'>;

/** By name. */
export class KubernetesPools extends KubernetesCollection<AddressPool> {
  constructor(options: Options) {
    super({
      ...options,
      path: resourcePath('anycastpools'),
      what: 'the AnycastPools',
      read: (object, name) => poolOf(object, `AnycastPool ${name}`),
    });
  }
}
