/** A token in a file, read again as it is rotated; as client-node does, but for what is not a token. */
import { FileAuth } from '@kubernetes/client-node/dist/file_auth.js';
import { longestFile, readTextFile } from '../../base/regular-file.ts';

/** `refreshToken` is private in the types, and is what reads. */
export class TokenFile extends (FileAuth as unknown as new () => Pick<
  FileAuth,
  'isAuthProvider' | 'applyAuthentication'
> & {
  token: string | null;
  lastRead: Date | null;
}) {
  refreshToken(path: string): void {
    this.token = readTextFile(path, longestFile.credential);
    this.lastRead = new Date();
  }

  /** The server refuses the token: the next request reads the file, however short ago that was. */
  refused(): void {
    this.lastRead = null;
  }
}
