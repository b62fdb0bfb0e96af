/**
 * JSON of a value of any depth. `JSON.parse` takes any depth, but `JSON.stringify` recurses, and its stack ends at some
 * thousand levels: what was read could not be written again. Pure.
 */

/** @param root what `JSON.parse` gave */
export function deepJson(root: unknown): string {
  const pieces: string[] = [];
  /** What is still to be written, the next one last; a string is written as it is. */
  const rest: (string | { value: unknown })[] = [{ value: root }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'string') pieces.push(next);
    else if (typeof next.value !== 'object' || next.value === null) pieces.push(JSON.stringify(next.value));
    else pushParts(next.value, rest);
  }
  return pieces.join('');
}

function pushParts(value: object, rest: (string | { value: unknown })[]): void {
  const isArray = Array.isArray(value);
  const parts: (string | { value: unknown })[] = [isArray ? '[' : '{'];
  for (const [index, [key, each]] of Object.entries(value).entries()) {
    if (index > 0) parts.push(',');
    if (!isArray) parts.push(`${JSON.stringify(key)}:`);
    parts.push({ value: each });
  }
  parts.push(isArray ? ']' : '}');
  for (let at = parts.length - 1; at >= 0; at--) rest.push(parts[at] as string);
}
