/** The configuration's keys for `--help`, from the schema, so that the two can not differ. */
import { z } from 'zod';
import { agentConfigSchema } from './agent-config.ts';

type Schema = z.core.JSONSchema.BaseSchema;

/** One paragraph per key: path, allowed values, default, meaning. */
export function describeKeys(schema: z.ZodType = agentConfigSchema): string {
  return [...keysOf(z.toJSONSchema(schema, { io: 'input' }) as Schema, '')].join('\n');
}

function* keysOf(schema: Schema, path: string): Generator<string> {
  const seen = new Set<string>();
  for (const alternative of schema.oneOf ?? schema.anyOf ?? []) {
    for (const line of keysOf(alternative as Schema, path)) {
      if (!seen.has(line)) yield line;
      seen.add(line);
    }
  }
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const child = value as Schema;
    const childPath = path === '' ? key : `${path}.${key}`;
    if (child.description !== undefined || child.const !== undefined) yield describeKey(childPath, child);
    yield* keysOf(child, childPath);
  }
}

function describeKey(path: string, { description, default: fallback, ...schema }: Schema): string {
  const allowed = schema.const ?? schema.enum?.join(' | ') ?? schema.type ?? '';
  const words = [allowed, fallback === undefined ? '' : `default ${JSON.stringify(fallback)}`].filter(
    Boolean,
  );
  return `  ${path}${words.length > 0 ? ` (${words.join(', ')})` : ''}${description ? `\n      ${description}` : ''}`;
}
