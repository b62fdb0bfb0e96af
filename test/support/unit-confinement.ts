/** The system calls and capabilities that a systemd unit allows its process, as limits for a container of runc. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ApiObject } from './kube-api.ts';

/** The system calls of a set such as `@system-service`, as systemd lists them; sets in it are expanded. */
function systemCalls(set: string): string[] {
  const text = execFileSync('systemd-analyze', ['--no-pager', 'syscall-filter', set], { encoding: 'utf8' });
  const lines = text
    .split('\n')
    .slice(1)
    .map(line => line.trim());
  return lines.flatMap(line => {
    if (line === '' || line.startsWith('#')) return [];
    return line.startsWith('@') ? systemCalls(line) : [line];
  });
}

/** @param path of a unit with one `SystemCallFilter` and one `CapabilityBoundingSet`, both of what is allowed */
export function confinementOf(path: string): { capabilities: string[]; seccomp: ApiObject } {
  const unit = readFileSync(path, 'utf8');
  const words = (key: string) => new RegExp(`^${key}=(.+)$`, 'm').exec(unit)?.[1]?.split(' ') ?? [];
  return {
    capabilities: words('CapabilityBoundingSet').map(name => name.replace(/^CAP_/, '')),
    seccomp: {
      // systemd.exec(5): any other call ends the process.
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [
        { names: [...new Set(words('SystemCallFilter').flatMap(systemCalls))], action: 'SCMP_ACT_ALLOW' },
      ],
    },
  };
}
