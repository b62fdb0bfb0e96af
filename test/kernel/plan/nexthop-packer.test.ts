import test from 'ava';
import fc from 'fast-check';
import { parseAddress } from '../../../lib/base/address.ts';
import type { Nexthop } from '../../../lib/desired/views.ts';
import { NexthopPacker } from '../../../lib/kernel/plan/nexthop-packer.ts';
import { LinkTable } from '../../../lib/kernel/socket/link-table.ts';
import { headerLength } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { Operation } from '../../../lib/kernel/socket/route-record.ts';

const up = 1;

function packer() {
  const links = new LinkTable();
  links.replace([1, 2, 3, 300, 70_000].map(index => ({ name: `veth${index}`, index, flags: up })));
  return { links, subject: new NexthopPacker(links) };
}

const one: Nexthop = { interface: 'veth1', via: '10.0.0.1', weight: 1 };
const two: Nexthop = { interface: 'veth2', via: 'fd00::2', weight: 5 };

test('a set is packed once, and a nexthop of several sets is the same bytes in each', t => {
  const { subject } = packer();
  const both = [one, two];
  t.is(subject.pack(both), subject.pack(both));
  t.is(subject.pack([one]), subject.pack([one]));
  t.deepEqual(subject.pack([one, two]), subject.pack(both));
});

test('an interface that goes, or comes back with another number, is packed anew', t => {
  const { links, subject } = packer();
  const both = [one, two];
  const before = subject.pack(both);
  links.update([{ name: 'veth1', index: 1, flags: up, gone: true }]);
  t.is(subject.pack(both).length, before.length / 2);
  links.update([{ name: 'veth1', index: 9, flags: up, gone: false }]);
  t.is(subject.pack(both).length, before.length);
  t.notDeepEqual(subject.pack(both), before);
});

test('the weight of a single nexthop is 1, also when it is what is left of several', t => {
  const { links, subject } = packer();
  const both = [one, two];
  subject.pack(both);
  links.update([{ name: 'veth1', index: 1, flags: up, gone: true }]);
  t.deepEqual(subject.pack(both), subject.pack([{ ...two, weight: 1 }]));
});

test('sets are packed as a batch packs them, whatever their order', t => {
  const nexthop = fc.record({
    interface: fc.constantFrom('veth1', 'veth2', 'veth300', 'veth70000'),
    via: fc.constantFrom('10.0.0.1', '10.0.1.0', '10.0.0.255', 'fd00::1', 'fd00::100'),
    weight: fc.integer({ min: 1, max: 256 }),
  });
  fc.assert(
    fc.property(fc.array(nexthop, { minLength: 2, maxLength: 6 }), nexthops => {
      const batch = new RouteBatch();
      batch.add({
        operation: Operation.create,
        family: 4,
        destination: Uint8Array.of(192, 0, 2, 1),
        prefixLength: 32,
        protocol: 70,
        table: 254,
        metric: 16,
        nexthops: nexthops.map(({ interface: name, via, weight }) => ({
          interfaceIndex: Number(name.slice('veth'.length)),
          gateway: parseAddress(via).bytes,
          weight,
        })),
      });
      t.deepEqual(packer().subject.pack(nexthops), batch.bytes().slice(headerLength));
    }),
  );
});
