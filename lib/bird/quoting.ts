/**
 * The last check before a value becomes part of BIRD's configuration, which has no escape character. Pure. Schemas
 * refuse bad values earlier, with a better message; this check also covers values that passed no schema.
 */
import { FlockError } from '../base/errors.ts';

/** A number, an address or a prefix, unquoted. */
export function plain(value: string | number): string {
  const text = String(value);
  if (!/^[0-9A-Fa-f.:/]+$/.test(text)) throw refused(text, 'no number, address or prefix');
  return text;
}

/** A text in double quotes: printable ASCII without a double quote. BIRD takes a backslash literally. */
export function quoted(text: string): string {
  if (!/^[\x20\x21\x23-\x7e]*$/.test(text)) throw refused(text, 'not printable ASCII without a double quote');
  return `"${text}"`;
}

/** A protocol's name in single quotes. */
export function symbol(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,60}$/.test(text)) throw refused(text, 'no name of letters, digits, _ and -');
  return `'${text}'`;
}

function refused(text: string, why: string): FlockError {
  return new FlockError(
    'FLOCK_NODE_CONFIG_INVALID',
    `can not write a value into BIRD's configuration: ${why}`,
    {
      value: text,
      remedy: 'give the value in the form that the documentation of the node config shows',
    },
  );
}
