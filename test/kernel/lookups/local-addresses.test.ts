import test from 'ava';
import { localAddresses } from '../../../lib/kernel/lookups/local-addresses.ts';
import { RouteSocket } from '../../../lib/kernel/socket/route-socket.ts';
import { eventually, Lab } from '../../support/lab.ts';

test("a node's own addresses: of every interface that is up, with and without carrier, and of loopback", async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  await node.ipBatch([
    'link set lo up',
    'addr add 192.0.2.7/32 dev lo',
    'link add p0 type veth peer name q0',
    'addr add 10.0.0.1/24 dev p0',
    'addr add fd00::1/64 dev p0 nodad',
    // Its peer stays down: no carrier.
    'link set p0 up',
  ]);
  const socket = new RouteSocket({ netns: node.path });
  t.teardown(() => socket.close());
  const own = ['127.0.0.1', '192.0.2.7', '10.0.0.1', '10.0.0.255', '::1', 'fd00::1'];
  // The kernel puts an IPv6 address into its local table a moment after it was asked to.
  let found: ReadonlySet<string> = new Set();
  await eventually(
    () => `${own} among ${[...found]}`,
    async () => {
      found = await localAddresses(socket);
      return own.every(address => found.has(address));
    },
  );
  t.false(found.has('10.0.0.2'));
  await node.ip('addr', 'del', '192.0.2.7/32', 'dev', 'lo');
  t.false((await localAddresses(socket)).has('192.0.2.7'));
});
