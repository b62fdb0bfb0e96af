/** Configuration files: YAML text that a schema accepts, or an error that names every wrong key. */
import type { z } from 'zod';
import { describeIssues } from '../base/describe-issues.ts';
import { type ErrorCode, FlockError } from '../base/errors.ts';
import { shortened } from '../base/quoted.ts';
import { parseYamlText } from '../base/yaml-text.ts';

export interface ParseYamlOptions<Schema extends z.ZodType> {
  schema: Schema;
  /** How messages name the text, usually its path. */
  origin: string;
  /** The code of the error. */
  code: ErrorCode;
  /** What to do about keys that are wrong. */
  remedy: string;
}

/**
 * @param text YAML or JSON; an empty text is an object without keys
 * @throws FlockError with `code`, naming the line or every wrong key by its path
 */
export function parseYaml<Schema extends z.ZodType>(
  text: string,
  { schema, origin, code, remedy }: ParseYamlOptions<Schema>,
): z.output<Schema> {
  let raw: unknown;
  try {
    raw = parseYamlText(text);
  } catch (cause) {
    throw new FlockError(code, `${origin} is not YAML: ${shortened((cause as Error).message, 400)}`, {
      remedy: 'correct the syntax at the line named',
      cause,
    });
  }
  const result = schema.safeParse(raw ?? {});
  if (result.success) return result.data;
  throw new FlockError(code, `${origin}: ${describeIssues(result.error)}`, { value: raw, remedy });
}
