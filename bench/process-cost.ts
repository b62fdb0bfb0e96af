/** Memory and CPU time of a process, from /proc. */
import { readFileSync } from 'node:fs';

/** Clock ticks per second in /proc/PID/stat, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Resident memory in MB (2^20 bytes). */
export function rssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** CPU time used so far, in seconds, to a hundredth. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
