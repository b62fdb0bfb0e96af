/** Whether a file has changed, without reading it. */
import { statSync } from 'node:fs';

/**
 * Differs when the content of a file may differ. It includes the change time because a modification time can be set
 * back (`cp -p`, `touch -d`).
 *
 * @returns undefined when there is no such file
 * @throws the file system's error for anything but a missing file
 */
export function fileSignature(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/** Differs when one of the files may have another content, or is missing, or can not be looked at any more. */
export function filesSignature(paths: readonly string[]): string {
  return paths.map(signatureOrError).join();
}

function signatureOrError(path: string): string {
  try {
    return fileSignature(path) ?? 'missing';
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
