/**
 * Text from outside in our messages. Whoever may write an annotation, a manifest or a configuration decides how long
 * it is, and a message is logged, kept and sent: so it holds a part of bounded length. Pure.
 */

/** Characters of one value in a message; the longest text of an address has 45 (inet_ntop(3)). */
const longest = 64;

/** @returns the text itself, or its beginning and how long all of it is */
export function shortened(text: string, most = longest): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}

/** @returns any value as JSON, shortened */
export function quoted(value: unknown, most = longest): string {
  if (typeof value !== 'string') return shortened(jsonOf(value), most);
  const { length } = value;
  return length <= most
    ? JSON.stringify(value)
    : `${JSON.stringify(value.slice(0, most))}… (${length} characters)`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // JSON.stringify recurses: its stack ends at some thousand levels.
    return 'a value that is nested too deeply';
  }
}
