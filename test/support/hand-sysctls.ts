/** Sysctls as a table that a test changes. */
import type { Sysctls } from '../../lib/sysctl/sysctls.ts';

/** @param isReadOnly at the time of a write; like /proc/sys in a container. Default: writable */
export function handSysctls(values: Record<string, string>, isReadOnly = () => false): Sysctls {
  return {
    read: key => values[key],
    write(key, value) {
      if (isReadOnly()) throw new Error('EROFS: read-only file system');
      values[key] = value;
    },
    list(folder) {
      const names = Object.keys(values)
        .filter(key => key.startsWith(`${folder}/`))
        .map(key => key.slice(folder.length + 1).split('/')[0] as string);
      return [...new Set(names)];
    },
  };
}
