/** The cluster's AnycastPools. */

import { type AnycastPool, poolOf } from '../../config/pool-resource.ts';
import { type ClusterAccess, KubernetesCollection } from './kubernetes-collection.ts';
import { resourcePath } from './resource-api.ts';

interface Options extends ClusterAccess {
  /** Called with each pool as the server gives it, and what is wrong with it. */
  onJudged: (pool: unknown, problem: string | undefined) => void;
}

/** By name. */
export class KubernetesPools extends KubernetesCollection<AnycastPool> {
  constructor({ onJudged, ...options }: Options) {
    super({
      ...options,
      path: resourcePath('anycastpools'),
      what: 'the AnycastPools',
      read(object, name) {
        try {
          const pool = poolOf(object, `AnycastPool ${name}`);
          onJudged(object, undefined);
          return pool;
        } catch (error) {
          onJudged(object, (error as Error).message);
          throw error;
        }
      },
    });
  }
}
