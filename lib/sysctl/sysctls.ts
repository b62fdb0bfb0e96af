/** Kernel settings of this process's network namespace, as files under /proc/sys. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Keys have slashes, such as `net/ipv4/ip_forward`. */
export interface Sysctls {
  /** Undefined when there is none. @throws when that is not known, such as without a free descriptor */
  read(key: string): string | undefined;
  /** @throws when that is not permitted: in a container /proc/sys is read-only */
  write(key: string, value: string): void;
  /** The names in a folder, such as the interfaces in `net/ipv4/conf`; empty when there is none. @throws as `read` */
  list(folder: string): string[];
}

export const procSysctls: Sysctls = {
  read(key) {
    try {
      return readFileSync(`/proc/sys/${key}`, 'utf8').trim();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  write: (key, value) => writeFileSync(`/proc/sys/${key}`, value),
  list(folder) {
    try {
      return readdirSync(`/proc/sys/${folder}`);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
};

/** Not there, or not for this process to read. */
function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** A key as sysctl(8) has it: `net.ipv4.conf.veth1/5.rp_filter` for an interface `veth1.5`. */
export function dotted(key: string): string {
  return key.replace(/[./]/g, separator => (separator === '/' ? '.' : '/'));
}
