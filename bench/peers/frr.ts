/** FRR: staticd and zebra, configured by `vtysh -f`, until the kernel has the routes. Own sockets and pid files. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { endChild, eventually } from '../../test/support/lab.ts';
import { type Cell, destination, type Field, gateway, type Operation, variantOf } from '../field.ts';
import { untilProgrammed } from './kernel-state.ts';
import { missingFile, type Peer } from './peer.ts';

const folder = '/usr/lib/frr';

/** The commands for vtysh. Pure. A replacement adds the new nexthops and then removes the old ones. */
export function frrLines(operation: Operation, { family, nexthops, destinations }: Cell): string[] {
  const word = family === 4 ? 'ip' : 'ipv6';
  const length = family === 4 ? 32 : 128;
  const lines: string[] = [];
  for (let number = 0; number < destinations; number++) {
    const of = (variant: 0 | 1, no = '') => {
      for (let pod = 0; pod < nexthops; pod++) {
        const to = `${destination(family, number)}/${length}`;
        lines.push(`${no}${word} route ${to} ${gateway(family, pod, variant)} p${pod}`);
      }
    };
    of(variantOf(operation === 'delete' ? 'replace' : operation), operation === 'delete' ? 'no ' : '');
    if (operation === 'replace') of(0, 'no ');
  }
  return lines;
}

export const frr: Peer = {
  name: 'frr',
  what: 'FRR, staticd through zebra: vtysh -f, until the kernel has them (looked at)',
  limit: 500,
  restless: true,
  async missing() {
    // FRR must run as user `frr`, which a user namespace does not have.
    if (process.env.FLOCK_TEST_OFFLINE !== undefined) return 'it needs root, and this is a user namespace';
    return missingFile({ [`${folder}/zebra`]: 'frr', [`${folder}/staticd`]: 'frr', '/usr/bin/vtysh': 'frr' });
  },
  async open(field, cell) {
    const daemons = await start(field);
    const file = field.file('frr-commands');
    return {
      async perform(operation) {
        writeFileSync(file, `${frrLines(operation, cell).join('\n')}\n`);
        const began = performance.now();
        await field.node.exec('vtysh', '--vty_socket', field.file('frr'), '-f', file);
        await untilProgrammed(field, operation, cell);
        return (performance.now() - began) * 1000;
      },
      async close() {
        for (const daemon of daemons.reverse()) await endChild(daemon, 2000);
      },
    };
  },
};

async function start(field: Field): Promise<ChildProcess[]> {
  const sockets = field.file('frr');
  const empty = `${sockets}/empty.conf`;
  mkdirSync(sockets, { recursive: true });
  writeFileSync(empty, '');
  execFileSync('chown', ['frr:frr', sockets, empty]);
  // User `frr` needs the right to pass through the lab's folder.
  chmodSync(field.lab.dir, 0o711);
  const daemons: ChildProcess[] = [];
  for (const name of ['zebra', 'staticd']) {
    const child = field.node.spawn(
      `${folder}/${name}`,
      [
        ...['-f', empty, '-P', '0', '-i', `${sockets}/${name}.pid`],
        ...['-z', `${sockets}/zserv.api`, '--vty_socket', sockets],
      ],
      { stdio: 'ignore' },
    );
    daemons.push(child);
    await eventually(`${name} to answer`, () => answers(field, sockets, name), { timeoutMs: 10_000 });
  }
  return daemons;
}

async function answers(field: Field, sockets: string, name: string): Promise<boolean> {
  const text = await field.node.exec('vtysh', '--vty_socket', sockets, '-d', name, '-c', 'show version');
  return text.includes('FRRouting');
}
