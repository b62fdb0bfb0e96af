import test from 'ava';
import { createLog } from '../../lib/base/log.ts';
import { ExportAudit } from '../../lib/bird/export-audit.ts';
import { ExportRepair } from '../../lib/bird/export-repair.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { eventually } from '../support/lab.ts';

const { bgp } = parseNodeConfig(
  '{ bgp: { localAsn: 64512, routerId: 192.0.2.1, peers: [{ name: tor, address: 192.0.2.254, asn: 64500 }] } }',
  'test',
);

/** A BIRD whose exports the test sets. */
function loop(exported: Set<string>, announced: Set<string>) {
  const done: string[] = [];
  const pauses: number[] = [];
  let next = () => {};
  const subject = new ExportRepair({
    audit: new ExportAudit({
      peers: () => bgp.peers,
      query: async command => ({
        lines: command.startsWith('show protocols')
          ? [
              { code: 1002, text: 'peer_tor BGP --- up 02:59:02.822 Established' },
              { code: 1006, text: '  Channel ipv4' },
              { code: 1006, text: '    State:          UP' },
            ]
          : [...exported].map(prefix => ({
              code: 1007,
              text: `${prefix} unicast [learn4 02:59:03.873] * (200)`,
            })),
      }),
    }),
    announced: () => announced,
    reannounce: destinations => done.push(`reannounce ${destinations}`),
    reload: async () => done.push('reload'),
    clock: {
      after: (ms, call) => {
        pauses.push(ms);
        next = call;
        return () => {};
      },
    },
    everyMs: 30_000,
    log: createLog('silent'),
  });
  const timer = async () => {
    const before = pauses.length;
    next();
    await eventually('the next check is planned', () => pauses.length > before);
  };
  return { subject, done, pauses, timer };
}

test('a lasting difference is repaired by announcing the routes again, twice, and then by a reload', async t => {
  const { subject, done } = loop(new Set(['192.0.2.1/32']), new Set(['192.0.2.2/32']));
  await subject.check();
  t.deepEqual(done, []);
  for (let check = 0; check < 3; check++) await subject.check();
  t.deepEqual(done, [
    'reannounce 192.0.2.2/32,192.0.2.1/32',
    'reannounce 192.0.2.2/32,192.0.2.1/32',
    'reload',
  ]);
});

test('a difference that has gone at the next check is not repaired', async t => {
  const exported = new Set<string>();
  const { subject, done } = loop(exported, new Set(['192.0.2.2/32']));
  await subject.check();
  exported.add('192.0.2.2/32');
  for (let check = 0; check < 3; check++) await subject.check();
  t.deepEqual(done, []);
});

test('a repair that does not help is tried again ever later, not every second', async t => {
  const { subject, pauses, timer } = loop(new Set(), new Set(['192.0.2.2/32']));
  subject.start();
  t.teardown(() => subject.stop());
  for (let check = 0; check < 8; check++) await timer();
  t.deepEqual(pauses, [30_000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});
