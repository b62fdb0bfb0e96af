/**
 * Program: closes the file of its monitor that the argument names (`socket` or `eventfd`) behind its back, opens
 * another under the same number, and prints what the monitor says of that, when it has told of a later change.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { type KernelChanges, RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { eventually } from '../support/lab.ts';

const change = () => {
  execFileSync('ip', ['addr', 'replace', '10.9.9.9/32', 'dev', 'lo']);
  execFileSync('ip', ['addr', 'del', '10.9.9.9/32', 'dev', 'lo']);
};
/** The open files of a kind, by number. */
const files = (kind: string) =>
  new Set(
    readdirSync('/proc/self/fd').filter(name => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`).includes(kind);
      } catch {
        return false; // the folder itself
      }
    }),
  );

const kind = process.argv[2] as string;
const socket = new RouteSocket();
const before = files(kind);
const heard: KernelChanges[] = [];
const monitor = socket.monitor({ table: 254, protocols: [70] }, changes => heard.push(changes));
const file = [...files(kind)].find(name => !before.has(name));
change();
await eventually('the first change', () => heard.length > 0);
heard.length = 0;
closeSync(Number(file));
openSync('/dev/null', 'r');
change();
const failed = await eventually('the failure', () => heard.find(({ error }) => error !== undefined));
const { code, syscall } = failed.error ?? {};
heard.length = 0;
await eventually('a change after it', () => {
  change();
  return heard.some(({ addresses }) => addresses.length > 0);
});
console.log(JSON.stringify({ code, syscall, overrun: failed.overrun }));
monitor.stop();
await socket.close();
