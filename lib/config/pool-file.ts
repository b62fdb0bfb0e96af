/**
 * Pools from a file, for nodes whose node config is a file: the same pools as the custom resource AnycastPool has, and
 * what it takes from the NodeConfig named `default`, the reserved addresses.
 */
import { z } from 'zod';
import type { Log } from '../base/log.ts';
import { WatchedFile } from '../base/watched-file.ts';
import { prefix } from './address-schema.ts';
import { parseYaml } from './parse-yaml.ts';
import { type AnycastPool, poolName, poolSpecSchema } from './pool-resource.ts';

const pool = z.looseObject({ name: poolName }).transform(({ name, ...spec }, context): AnycastPool => {
  const result = poolSpecSchema.safeParse(spec);
  if (result.success) {
    const { namespaces, exclusive = false } = result.data;
    if (namespaces.selector === undefined) return { ...result.data, name, exclusive };
    const message = 'the labels of namespaces are known only in a cluster: list names';
    context.addIssue({ code: 'custom', path: ['namespaces', 'selector'], message });
    return z.NEVER;
  }
  for (const { path, message } of result.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

const schema = z.strictObject({
  reserved: z
    .array(prefix)
    .max(1024)
    .describe('Addresses that can never be anycast: of nodes, pods, services, routers. May be empty.'),
  pools: z
    .array(pool)
    .max(1024)
    .superRefine((pools, context) => {
      const names = pools.map(({ name }) => name);
      for (const [index, name] of names.entries())
        if (names.indexOf(name) < index)
          context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is a duplicate' });
    }),
});

export type PoolFile = z.output<typeof schema>;

/**
 * @param text YAML or JSON
 * @param origin how messages name the text, usually its path
 * @throws FlockError FLOCK_POOL_INVALID naming every wrong key by its path
 */
export function parsePoolFile(text: string, origin: string): PoolFile {
  const remedy = 'correct the keys named; docs/allocations.md has an example';
  return parseYaml(text, { schema, origin, code: 'FLOCK_POOL_INVALID', remedy });
}

/** The last good pools of a file. Until there were some, no address is granted. */
export class PoolFileCache extends WatchedFile<PoolFile> {
  constructor({ path, log, pollMs }: { path: string; log: Log; pollMs?: number }) {
    super({
      path,
      log,
      ...(pollMs !== undefined && { pollMs }),
      what: 'pools',
      invalid: 'FLOCK_POOL_INVALID',
      parse: text => parsePoolFile(text, path),
    });
  }
}
