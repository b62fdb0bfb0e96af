/**
 * Whether systemd-networkd deletes our nexthop objects. It removes what it did not make from the kernel whenever it
 * configures an interface, unless `ManageForeignNextHops=no` (networkd.conf(5), since version 256) says otherwise;
 * version 252 of Debian 12 always does. From a container without the host's /run and /etc it is not seen.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';

/** Where the configuration may be, the one that counts most first. */
const folders = ['etc/systemd', 'run/systemd', 'usr/local/lib/systemd', 'usr/lib/systemd'];

/**
 * Logs a warning when this machine's systemd-networkd deletes nexthop objects, and routes need them.
 *
 * @param root the folder that stands for `/`
 */
export function warnOfNetworkd(
  nexthops: ResolvedAgentConfig['routes']['nexthops'],
  log: Pick<Log, 'warn'>,
  root = '/',
): void {
  if (nexthops === 'multipath' || !existsSync(join(root, 'run/systemd/netif/state'))) return;
  if (managesForeignNexthops(root) === false) return;
  const remedy =
    'set ManageForeignNextHops=no in the section [Network] of /etc/systemd/networkd.conf; for a systemd older than 256, which does not know this key, set routes.nexthops: multipath';
  log.warn(
    { code: 'PREFLIGHT_NETWORKD', remedy },
    'systemd-networkd deletes the nexthop objects of other programs when it configures an interface, and their routes go with them',
  );
}

/** @returns undefined where it is not set */
function managesForeignNexthops(root: string): boolean | undefined {
  let value: boolean | undefined;
  for (const path of configFiles(root)) value = settingIn(textOf(path)) ?? value;
  return value;
}

/** One main file, then the drop-ins of all folders in the order of their names; of equal names one counts. */
function configFiles(root: string): string[] {
  const main = folders.map(folder => join(root, folder, 'networkd.conf')).find(existsSync);
  const dropIns = new Map<string, string>();
  for (const folder of folders.toReversed()) {
    const path = join(root, folder, 'networkd.conf.d');
    for (const name of namesIn(path)) if (name.endsWith('.conf')) dropIns.set(name, join(path, name));
  }
  const sorted = [...dropIns].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, path]) => path);
  return main === undefined ? sorted : [main, ...sorted];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readTextFile(path, longestFile.config);
  } catch {
    // Not a file, or not for us to read: then nothing is known from it.
    return '';
  }
}

/** The last value that counts, by systemd.syntax(7). */
function settingIn(text: string): boolean | undefined {
  let section = '';
  let value: boolean | undefined;
  for (const line of text.split('\n').map(each => each.trim())) {
    if (line.startsWith('[')) section = line;
    const [, word] = /^ManageForeignNextHops\s*=\s*(\S+)$/.exec(line) ?? [];
    if (section !== '[Network]' || word === undefined) continue;
    if (/^(0|n|no|f|false|off)$/i.test(word)) value = false;
    else if (/^(1|y|yes|t|true|on)$/i.test(word)) value = true;
  }
  return value;
}
