/** The CustomResourceDefinitions, made from the schemas that the agent itself uses, so that the two can not differ. */
import { stringify } from 'yaml';
import { z } from 'zod';
import { nodeConfigStatusSchema } from '../../lib/cluster/node-config-status.ts';
import { poolStatusSchema } from '../../lib/cluster/pool-status.ts';
import { nodeConfigSpecSchema } from '../../lib/config/node-config-resource.ts';
import { poolSpecSchema } from '../../lib/config/pool-resource.ts';
import { resourceGroup, resourceVersion } from '../../lib/sources/kubernetes/resource-api.ts';
import { type Schema, structural } from './structural.ts';

interface Kind {
  kind: string;
  plural: string;
  shortNames: string[];
  description: string;
  spec: Schema;
  status: Schema;
  columns: { name: string; type: string; jsonPath: string; priority?: number }[];
}

const schemaOf = (schema: z.ZodType) => structural(z.toJSONSchema(schema, { io: 'input' }) as Schema);

/** Makes server-side apply merge a list by its key instead of replacing it, and refuse duplicate keys. */
function keyedBy(key: string, list: Schema | undefined): void {
  if (list === undefined) throw new Error(`no list to be keyed by ${key}`);
  list['x-kubernetes-list-type'] = 'map';
  list['x-kubernetes-list-map-keys'] = [key];
}

const condition = (type: string) => `.status.conditions[?(@.type=="${type}")].status`;

function nodeConfig(): Kind {
  const spec = schemaOf(nodeConfigSpecSchema);
  const status = schemaOf(nodeConfigStatusSchema);
  keyedBy('name', spec.properties?.bgp?.properties?.peers);
  keyedBy('type', status.properties?.conditions);
  return {
    kind: 'NodeConfig',
    plural: 'nodeconfigs',
    shortNames: ['anc'],
    description:
      'What BGP needs to know of a node. The one named like a node is laid over the one named `default`: key by key, a list as a whole, `reserved` of the two together.',
    spec,
    status,
    columns: [
      { name: 'ASN', type: 'integer', jsonPath: '.spec.bgp.localAsn' },
      { name: 'Ready', type: 'string', jsonPath: condition('Ready') },
      { name: 'Degraded', type: 'string', jsonPath: condition('Degraded') },
      { name: 'Peers', type: 'string', jsonPath: '.status.peersEstablished' },
      { name: 'Advertised', type: 'integer', jsonPath: '.status.destinations.advertised' },
      { name: 'Error', type: 'string', jsonPath: '.status.lastError', priority: 1 },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
  };
}

function anycastPool(): Kind {
  const status = schemaOf(poolStatusSchema);
  keyedBy('type', status.properties?.conditions);
  return {
    kind: 'AnycastPool',
    plural: 'anycastpools',
    shortNames: ['apool'],
    description: 'Anycast addresses, and whose pods may use them. An address outside every pool is refused.',
    spec: schemaOf(poolSpecSchema),
    status,
    columns: [
      { name: 'CIDRs', type: 'string', jsonPath: '.spec.cidrs' },
      { name: 'Accepted', type: 'string', jsonPath: condition('Accepted') },
      { name: 'Exclusive', type: 'boolean', jsonPath: '.spec.exclusive' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
  };
}

function definition({ kind, plural, shortNames, description, spec, status, columns }: Kind) {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${resourceGroup}` },
    spec: {
      group: resourceGroup,
      scope: 'Cluster',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames },
      versions: [
        {
          name: resourceVersion,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: {
              description,
              type: 'object',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec,
                status,
              },
            },
          },
        },
      ],
    },
  };
}

/** File names in deploy/base/crds, and their texts. */
export function definitionFiles(): Map<string, string> {
  const head = '# Made by scripts/crds/main.ts from the schemas in lib/sources: change those.\n';
  return new Map(
    [nodeConfig(), anycastPool()].map(kind => [
      `${kind.plural}.yaml`,
      head + stringify(definition(kind), { lineWidth: 0, aliasDuplicateObjects: false }),
    ]),
  );
}
