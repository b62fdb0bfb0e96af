/** A real systemd-networkd beside us configures an interface, and removes what it did not make. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { systemClock } from '../../lib/base/clock.ts';
import { createLog } from '../../lib/base/log.ts';
import { PrefixRoutes } from '../../lib/kernel/prefix-routes.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { advertise, everyForm, hold, program } from '../support/program.ts';

/** It changes to a user of its own, whom a sandbox of an ordinary user does not have. */
const hasUsers = !/^\s*0\s+\d+\s+1$/m.test(readFileSync('/proc/self/uid_map', 'utf8'));

/**
 * Starts it with a /run of its own, and a read-only /sys, by which it knows that there is no udev to wait for.
 * @param files by name, below /run/systemd
 */
async function startNetworkd({ lab, node }: NodeLab, files: Record<string, string>): Promise<void> {
  const run = join(lab.dir, 'run');
  for (const folder of [
    'systemd/network',
    'systemd/netif/links',
    'systemd/netif/leases',
    'systemd/netif/lldp',
    'udev/data',
  ])
    mkdirSync(join(run, folder), { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(run, 'systemd', name), text);
  const script = `mount --bind ${run} /run && chmod -R a+rwX /run && mount -o remount,ro,bind /sys && exec /lib/systemd/systemd-networkd`;
  const child = node.spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SYSTEMD_LOG_TARGET: 'console' },
  });
  let log = '';
  child.stderr?.on('data', data => {
    log += data;
  });
  await eventually(
    () => `systemd-networkd to run; it says ${log}`,
    () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${log}`);
      return log.includes('Enumeration completed');
    },
  );
}

(hasUsers ? test : test.skip)(
  `systemd-networkd deletes nexthop groups and unreachable routes of others; ours are back${hasUsers ? '' : ' (needs the users of the machine: run it as root)'}`,
  async t => {
    const lab = await createNodeLab(t, 1);
    const { node } = lab;
    const { table, settle } = await program(t, lab, { groups: everyForm['by groups'], follow: true });
    const destinations = ['192.0.2.1/32', '2001:db8::1/128'];
    table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0, 4)] });
    table.want('2001:db8::1/128', { nexthops: [lab.nexthop(0, 6)] });
    await settle();
    const socket = new RouteSocket({ netns: node.path });
    const prefixes = ['10.244.3.0/24', 'fd44:3::/64'];
    const shared = { socket, clock: systemClock, log: createLog('silent') };
    const routes = new PrefixRoutes({ ...shared, protocol: hold, auditMs: 600_000 });
    t.teardown(async () => {
      await routes.stop();
      await socket.close();
    });
    routes.follow(prefixes);
    const unreachable = async () => {
      const shown = await Promise.all(
        ['-4', '-6'].map(family => node.ip(family, 'route', 'show', 'type', 'unreachable')),
      );
      return prefixes.filter(prefix => shown.join().includes(`unreachable ${prefix} `)).length;
    };
    await eventually('the unreachable routes', async () => (await unreachable()) === 2);

    let gone = 0;
    const groups = async () =>
      (await node.ipJson<{ id: number; group?: object }[]>('nexthop', 'show', 'proto', `${advertise}`))
        .filter(({ group }) => group !== undefined)
        .map(({ id }) => id);
    const before = await groups();
    t.is(before.length, 2);
    await startNetworkd(lab, {
      'network/10-up.network': '[Match]\nName=up0\n[Network]\nAddress=10.77.0.2/24\n',
    });
    await node.ipBatch(['link add up0 type veth peer name upp0', 'link set upp0 up']);
    await eventually('it to configure the interface', async () =>
      (await node.ip('addr', 'show', 'dev', 'up0')).includes('10.77.0.2'),
    );
    await eventually('it to delete the groups', async () => {
      const now = await groups();
      gone = before.filter(id => !now.includes(id)).length;
      return gone === 2;
    });
    await eventually('our routes', async () => {
      const found = (await routesOf(node, advertise)).map(({ destination }) => destination);
      return String(found) === String(destinations);
    });
    await eventually('the unreachable routes', async () => (await unreachable()) === 2);
    t.is(gone, 2);
  },
);
