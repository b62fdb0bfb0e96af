/** TCP MD5 passwords, read from their files when the configuration is rendered; never logged. */
import { FlockError } from '../base/errors.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import type { NodeConfig } from '../config/node-config.ts';

/** The kernel's limit for a key (TCP_MD5SIG_MAXKEYLEN in linux/tcp.h). */
const longest = 80;

/**
 * @returns the password of each peer that has a file, by the peer's name
 * @throws FlockError FLOCK_NODE_CONFIG_INVALID naming peer and file, never the content
 */
export function readPasswords({ bgp }: NodeConfig): Map<string, string> {
  const passwords = new Map<string, string>();
  for (const { name, passwordFile } of bgp.peers) {
    if (passwordFile !== undefined) passwords.set(name, readPassword(name, passwordFile));
  }
  return passwords;
}

function readPassword(peer: string, file: string): string {
  let text: string;
  try {
    text = readTextFile(file, longestFile.password).replace(/\r?\n$/, '');
  } catch (cause) {
    throw invalid(peer, file, `can not be read: ${(cause as Error).message}`, cause);
  }
  if (text.length < 1 || text.length > longest) {
    throw invalid(peer, file, `contains ${text.length} characters; 1 to ${longest} are allowed`);
  }
  if (!/^[\x20\x21\x23-\x7e]+$/.test(text)) {
    throw invalid(
      peer,
      file,
      'contains a double quote, a second line or a character that is not printable ASCII',
    );
  }
  return text;
}

function invalid(peer: string, file: string, why: string, cause?: unknown): FlockError {
  return new FlockError('FLOCK_NODE_CONFIG_INVALID', `password file ${file} of peer ${peer} ${why}`, {
    value: file,
    remedy: 'write the password into the file as one line of printable ASCII without a double quote',
    cause,
  });
}
