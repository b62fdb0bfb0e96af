/** A real FRR (zebra and bgpd) in a namespace of a lab: a router that is not BIRD. The lab ends it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type Namespace } from './lab.ts';

export interface Frr {
  /** Runs a command by vtysh and gives its answer. */
  command(text: string): Promise<string>;
}

/** @param config bgpd's; returns once it answers */
export async function startFrr(namespace: Namespace, config: string): Promise<Frr> {
  const folder = join(namespace.lab.dir, `frr-${namespace.role}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'zebra.conf'), '');
  writeFileSync(join(folder, 'bgpd.conf'), config);
  // Its daemons leave root, and must be the user of their package.
  execFileSync('chown', ['-R', 'frr:frr', folder]);
  execFileSync('chmod', ['755', namespace.lab.dir, folder]);
  const command = (text: string) => namespace.exec('vtysh', '--vty_socket', folder, '-c', text);
  for (const name of ['zebra', 'bgpd']) {
    const files = ['-f', join(folder, `${name}.conf`), '-i', join(folder, `${name}.pid`)];
    const sockets = ['--vty_socket', folder, '-z', join(folder, 'zserv.api'), '-P', '0'];
    namespace.spawn(`/usr/lib/frr/${name}`, [...files, ...sockets], { stdio: 'ignore' });
    await eventually(`${name} of FRR`, async () => (await command('show version')).includes('FRRouting'));
  }
  return { command };
}
