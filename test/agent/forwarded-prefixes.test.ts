import test from 'ava';
import { ForwardedPrefixes } from '../../lib/agent/forwarded-prefixes.ts';
import type { Family } from '../../lib/base/address.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';

const config = parseNodeConfig(
  JSON.stringify({
    bgp: { localAsn: 64512, routerId: '10.0.0.1' },
    advertise: { prefixes: ['10.244.1.0/24', '192.0.2.9/32', '2001:db8::/32', '2001:db8::9/128'] },
  }),
  'test',
);

for (const [unforwarded, left] of [
  [[], ['10.244.1.0/24', '192.0.2.9/32', '2001:db8::/32', '2001:db8::9/128']],
  [[4], ['192.0.2.9/32', '2001:db8::/32', '2001:db8::9/128']],
  [[6], ['10.244.1.0/24', '192.0.2.9/32', '2001:db8::9/128']],
] as [Family[], string[]][]) {
  test(`without forwarding of [${unforwarded}], ${left} are announced`, t => {
    const settings = { unforwarded: new Set(unforwarded), onChange: () => () => {} };
    const source = new ForwardedPrefixes({ snapshot: () => config, onChange: () => () => {} }, settings);
    t.deepEqual(source.snapshot()?.advertise.prefixes, left);
    t.is(source.snapshot(), source.snapshot());
  });
}
