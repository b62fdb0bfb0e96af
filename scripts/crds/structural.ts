/** Reduces a JSON schema from zod to a structural schema of Kubernetes (apiextensions/v1). */

/** A node of either schema. */
export interface Schema {
  [key: string]: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
}

const keptAsIs = [
  'type',
  'description',
  'enum',
  'required',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
];

/**
 * Leaves out what the API server would refuse or apply: `additionalProperties: false` (the server prunes unknown
 * keys), defaults (a default in a node's own NodeConfig would override the value of NodeConfig `default`), and
 * patterns with look-ahead, which Go's regular expressions lack. The agent checks all of these itself.
 */
export function structural(schema: Schema): Schema {
  const kept: Schema = Object.fromEntries(
    keptAsIs.filter(key => key in schema).map(key => [key, schema[key]]),
  );
  const { pattern, properties, items, additionalProperties } = schema;
  if (typeof pattern === 'string' && !pattern.includes('(?')) kept.pattern = pattern;
  if (schema.type === 'integer' && Number(schema.maximum) > 0x7fffffff) kept.format = 'int64';
  if (properties !== undefined) {
    kept.properties = Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, structural(value)]),
    );
  }
  if (items !== undefined) kept.items = structural(items);
  if (typeof additionalProperties === 'object') kept.additionalProperties = structural(additionalProperties);
  return kept;
}
