import test from 'ava';
import type { Destination } from '../../lib/base/address.ts';
import { BirdControl } from '../../lib/bird/control.ts';
import { ExportAudit, hostPrefixesIn } from '../../lib/bird/export-audit.ts';
import { eventually } from '../support/lab.ts';
import { fabric, startNode } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';

test('the exports of a real BIRD are read, and a difference is reported when it lasts', async t => {
  const { lab, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const bird = await startNode(node);
  await node.host.ip('route', 'add', four, 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await node.host.ip('route', 'add', six, 'via', 'fd01:10::2', 'metric', '16', 'proto', '70');
  const control = await BirdControl.open(bird.socketPath);
  t.teardown(() => control.close());
  await eventually('both learned', async () => {
    const replies = await Promise.all(
      ['4', '6'].map(n => control.ask(`show route export 'peer_router${n}'`)),
    );
    return String(replies.flatMap(reply => [...hostPrefixesIn(reply)])) === String([four, six]);
  });
  const audit = new ExportAudit({ query: text => control.ask(text), peers: () => node.nodeConfig.bgp.peers });
  const check = (...announced: Destination[]) => audit.check(() => new Set(announced));
  const none = { missing: [], extra: [] };
  t.deepEqual(await check(four, six), none);
  t.false(audit.suspicious);
  t.deepEqual(await check(four, '192.0.2.99/32'), none, 'seen once');
  t.true(audit.suspicious);
  t.deepEqual(await check(four, '192.0.2.99/32'), { missing: ['192.0.2.99/32'], extra: [six] });
  t.deepEqual(await check(four, six), none);

  await bird.command("disable 'peer_router4'");
  t.deepEqual(await check(six, '192.0.2.99/32'), none);
  t.deepEqual(
    await check(six, '192.0.2.99/32'),
    none,
    'a session that is down exports nothing, which is no difference',
  );
});
