/** Only the kernel is believed: what other programs send to our sockets is no news. */
import test from 'ava';
import { eventually } from '../support/lab.ts';
import { netlinkPorts, sendGhost } from './foreign-message.ts';
import { createRouteLab, protocol, table } from './route-lab.ts';

const linkGroup = 1;

test('a message to the address of any of our sockets does not arrive', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const links: string[] = [];
  const monitor = socket.monitor({ table, protocols: [protocol] }, changes =>
    links.push(...changes.links.map(({ name }) => name)),
  );
  t.teardown(() => monitor.stop());
  const ports = await netlinkPorts(lab.host);
  t.is(ports.length, 5, 'two write, two read, one listens');
  for (const { port } of ports) t.is(await sendGhost(lab.host, port, 0), 'Connection refused');
  await lab.host.ip('link', 'set', 'p0', 'down');
  await eventually('the kernel’s own news', () => links.includes('p0'));
  t.false(links.includes('ghost0'));
});

test('a message to a multicast group is dropped, however many there are', async t => {
  const lab = await createRouteLab(t, 1);
  const links: string[] = [];
  const monitor = lab
    .open()
    .monitor({ table, protocols: [protocol] }, changes =>
      links.push(...changes.links.map(({ name }) => name)),
    );
  t.teardown(() => monitor.stop());
  t.is(await sendGhost(lab.host, 0, linkGroup, 100), 'sent');
  await lab.host.ip('link', 'set', 'p0', 'down');
  await eventually('the kernel’s own news', () => links.includes('p0'));
  t.false(links.includes('ghost0'));
});
