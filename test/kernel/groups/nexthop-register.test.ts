import test from 'ava';
import { NexthopRegister } from '../../../lib/kernel/groups/nexthop-register.ts';
import { ObjectIds } from '../../../lib/kernel/groups/object-ids.ts';
import { withOnlink } from '../../../lib/kernel/socket/nexthops.ts';
import { hop, hops } from '../../support/packed.ts';

const refusal = { errno: 113, words: 'no way' };

function createRegister() {
  const ids = new ObjectIds(70);
  const register = new NexthopRegister(ids);
  const idsOf = (set: Iterable<{ id: number }>) => [...set].map(({ id }) => id);
  return { ids, register, idsOf };
}

/** The registered nexthops of these interfaces, in use and in the kernel. */
function inKernel(register: NexthopRegister, ...indexes: number[]) {
  register.use(hops(...indexes));
  const found = register.find(hops(...indexes));
  for (const nexthop of found) register.accept(nexthop);
  return found;
}

test('a nexthop is one object whatever its weight, and one for each interface and gateway', t => {
  const { register, idsOf } = createRegister();
  register.use(hop(1));
  register.use(hop(1, { weight: 5 }));
  register.use(hop(2));
  const [one, two] = [register.find(hop(1, { weight: 9 })), register.find(hop(2))];
  t.deepEqual(idsOf(one), idsOf(register.find(hop(1))));
  t.notDeepEqual(idsOf(one), idsOf(two));
  t.is(one[0]?.uses, 2);
  t.deepEqual(one[0]?.bytes, hop(1));
});

test('what no group uses and the kernel has is to be deleted; what it has not is forgotten', t => {
  const { register, idsOf } = createRegister();
  const [nexthop] = inKernel(register, 1);
  register.use(hops(2));
  register.release(hops(1, 2));
  t.deepEqual(idsOf(register.unused), [nexthop?.id]);
  t.is(register.find(hops(2))[0]?.uses, 0, 'registered anew');
  register.release(hops(3));
  if (nexthop === undefined) return;
  register.giveUp(nexthop);
  t.deepEqual(idsOf(register.unused), []);
  register.use(hops(1));
  register.release(hops(1));
  t.deepEqual(idsOf(register.unused), [nexthop.id]);
  register.forget(nexthop);
  t.deepEqual(idsOf(register.unused), []);
});

test('what the kernel has and is in use is marked on-link, once', t => {
  const { register, idsOf } = createRegister();
  const [nexthop] = inKernel(register, 1);
  if (nexthop === undefined) return t.fail();
  register.adopt(new Map([[nexthop.id, hop(1)]]));
  t.deepEqual(idsOf(register.offlink), [nexthop.id]);
  register.markOnlink(nexthop, true);
  t.deepEqual(idsOf(register.offlink), []);
  register.adopt(new Map([[nexthop.id, withOnlink(hop(1), true)]]));
  t.deepEqual(idsOf(register.offlink), []);
  register.adopt(new Map([[nexthop.id, hop(1)]]));
  t.deepEqual(idsOf(register.offlink), [nexthop.id], 'somebody took the mark away');
});

test('what a reading does not find is to be created again while it is in use', t => {
  const { register } = createRegister();
  const [nexthop] = inKernel(register, 1);
  register.adopt(new Map());
  t.false(nexthop?.present);
  t.is(register.find(hops(1))[0], nexthop);
});

test('what a reading finds that we do not know is kept, and to be deleted until a group uses it', t => {
  const { register, ids, idsOf } = createRegister();
  const id = ids.take() + 7;
  register.adopt(new Map([[id, hop(1, { weight: 3 })]]));
  t.deepEqual(idsOf(register.unused), [id]);
  register.use(hops(1));
  t.deepEqual(idsOf(register.unused), []);
  t.deepEqual(idsOf(register.find(hops(1))), [id]);
});

test('of two objects of the same interface and gateway the second has no use', t => {
  const { register, ids, idsOf } = createRegister();
  const [one, two] = [ids.take() + 7, ids.take() + 7];
  register.adopt(new Map([one, two].map(id => [id, hop(1)])));
  register.use(hops(1));
  t.deepEqual(idsOf(register.find(hops(1))), [one]);
  t.deepEqual(idsOf(register.unused), [two]);
});

test('an id under which a reading finds another nexthop is given up for a new one', t => {
  const { register, idsOf } = createRegister();
  const [nexthop] = inKernel(register, 1);
  if (nexthop === undefined) return t.fail();
  register.adopt(new Map([[nexthop.id, hop(2)]]));
  const [anew] = register.find(hops(1));
  t.not(anew?.id, nexthop.id);
  t.like(anew, { uses: 1, present: false });
  t.deepEqual(idsOf(register.find(hops(2))), [nexthop.id]);
});

test('an id that another owner has is given up, and what nobody uses gets none for it', t => {
  const { register } = createRegister();
  const [unused] = register.find(hops(1));
  if (unused === undefined) return t.fail();
  register.renumber(unused);
  const [anew] = register.find(hops(1));
  t.not(anew?.id, unused.id);
  register.renumber(unused);
  t.is(register.find(hops(1))[0], anew, 'and giving it up again changes nothing');
});

test('a lost interface takes its nexthops along, and what was refused through it may work now', t => {
  const { register } = createRegister();
  const [one, two] = inKernel(register, 1, 2);
  for (const nexthop of [one, two]) if (nexthop !== undefined) register.refuse(nexthop, refusal);
  t.true(register.lose(1));
  t.deepEqual([one?.present, two?.present], [false, true]);
  t.is(register.refusalIn(hops(1)), undefined);
  t.deepEqual(register.refusalIn(hops(1, 2)), refusal);
  t.false(register.lose(9));
});

test('a set without what was refused is the same bytes where nothing of it was', t => {
  const { register } = createRegister();
  const [one] = inKernel(register, 1, 2);
  const set = hops(1, 2);
  t.is(register.accepted(set), set);
  if (one !== undefined) register.refuse(one, refusal);
  t.deepEqual(register.accepted(set), hops(2));
  const other = hops(2);
  t.is(register.accepted(other), other);
  if (one !== undefined) register.accept(one);
  t.is(register.accepted(set), set);
});
