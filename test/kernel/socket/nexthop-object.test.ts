import test from 'ava';
import fc from 'fast-check';
import {
  membersOf,
  type NexthopObject,
  ObjectKind,
  ObjectOperation,
  packMembers,
  packObject,
  readObjects,
} from '../../../lib/kernel/socket/nexthop-object.ts';
import { headerLength } from '../../../lib/kernel/socket/record-layout.ts';
import { hop } from '../../support/packed.ts';

const id = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const protocol = fc.integer({ min: 1, max: 255 });
const weight = fc.integer({ min: 1, max: 65_535 });
const timer = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const nexthop: fc.Arbitrary<NexthopObject> = fc.record({
  kind: fc.constant(ObjectKind.nexthop),
  id,
  protocol,
  family: fc.constantFrom(2, 10),
  nexthops: fc.integer({ min: 1, max: 250 }).map(index => hop(index)),
});
const members = fc.uniqueArray(fc.record({ id, weight }), { selector: each => each.id, maxLength: 5 });
const group: fc.Arbitrary<NexthopObject> = fc
  .record({
    kind: fc.constantFrom(ObjectKind.group, ObjectKind.resilientGroup),
    id,
    protocol,
    family: fc.constant(0),
    nexthops: members.map(packMembers),
    resilience: fc.record({
      buckets: fc.integer({ min: 1, max: 65_535 }),
      idleTimer: timer,
      unbalancedTimer: timer,
    }),
  })
  .map(({ resilience, ...rest }) => ({
    ...rest,
    ...(rest.kind === ObjectKind.resilientGroup && { resilience }),
  }));

test('objects are read back as they were packed', t => {
  fc.assert(
    fc.property(fc.array(fc.oneof(nexthop, group), { maxLength: 5 }), objects => {
      const packed = objects.map(object => packObject(ObjectOperation.create, object));
      t.deepEqual([...readObjects(Uint8Array.from(packed.flatMap(each => [...each])))], objects);
    }),
  );
});

test('the members of a group are read back as they were packed', t => {
  fc.assert(
    fc.property(members, each => {
      const nexthops = packMembers(each);
      t.deepEqual(membersOf({ kind: ObjectKind.group, id: 1, protocol: 70, family: 0, nexthops }), each);
    }),
  );
});

test('a deletion names the object, and nothing that is in it', t => {
  const object = { kind: ObjectKind.nexthop, id: 7, protocol: 70, family: 2, nexthops: hop(1) };
  t.is(packObject(ObjectOperation.delete, object).length, headerLength);
});
