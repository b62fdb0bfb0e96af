import test from 'ava';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { established, fabric, gateways, plainConfig, rendered } from './fabric.ts';

const gone = '192.0.2.53/32';
const come = '192.0.2.54/32';

test('after a crash of BIRD, a router that is there does not wait for one that is not', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const { bgp, ...rest } = plainConfig(1);
  const dead = { name: 'dead', address: '10.0.1.99', asn: 65000 };
  const nodeConfig = parseNodeConfig(
    JSON.stringify({ ...rest, bgp: { ...bgp, peers: [...bgp.peers, dead] } }),
    'test',
  );
  const route = (what: 'add' | 'del', prefix: string) =>
    node.host.ip('route', what, prefix, 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  const bird = await startBird(node.host, { name: 'node1', config: rendered(node, { nodeConfig }) });
  await established(bird, 2);
  await route('add', gone);
  await eventually('the router forwards', async () => (await gateways(router, gone)).length === 1);

  await bird.kill();
  await route('del', gone);
  await route('add', come);
  const again = await startBird(node.host, { name: 'node1', recover: true });
  t.regex(await again.command('show status'), /Graceful restart recovery in progress/);
  await established(again, 2);
  const since = Date.now();
  await eventually(
    'the router has what is there now',
    async () => (await gateways(router, gone)).length === 0 && (await gateways(router, come)).length === 1,
    // A wait for the dead one takes 30 s.
    { timeoutMs: 20_000 },
  );
  t.log(`current ${Date.now() - since} ms after the session`);
});
