/**
 * The last gate before BIRD's configuration, which has no way to escape a character. Schemas refuse bad values
 * with a better message; this makes sure that a value built by hand passes no gate either.
 */
import { FlockError } from '../base/errors.ts';

/** A number, an address or a prefix, as a bare word. */
export function plain(value: string | number): string {
  const text = String(value);
  if (!/^[0-9A-Fa-f.:/]+$/.test(text)) throw refused(text, 'no number, address or prefix');
  return text;
}

/** A text within double quotes: printable ASCII without a quote. A backslash is a character like any other. */
export function quoted(text: string): string {
  if (!/^[\x20\x21\x23-\x7e]*$/.test(text)) throw refused(text, 'not printable ASCII without a double quote');
  return `"${text}"`;
}

/** A protocol's name within single quotes. */
export function symbol(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,60}$/.test(text)) throw refused(text, 'no name of letters, digits, _ and -');
  return `'${text}'`;
}

function refused(text: string, why: string): FlockError {
  return new FlockError('FLOCK_NODE_CONFIG_INVALID', `can not go into BIRD's configuration: ${why}`, {
    value: text,
    remedy: 'give the value in the form the node config documents',
  });
}
