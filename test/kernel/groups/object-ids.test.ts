import test from 'ava';
import { ObjectIds } from '../../../lib/kernel/groups/object-ids.ts';

const first = 70 * 2 ** 24 + 1;
const last = 71 * 2 ** 24 - 1;

test('ids are those of the protocol number, and no other has them', t => {
  const ids = new ObjectIds(70);
  t.deepEqual(
    [first - 1, first, last, last + 1].map(id => ids.contains(id)),
    [false, true, true, false],
  );
  t.false(new ObjectIds(71).contains(first));
});

test('an id that is taken is passed over, and one given back comes after the others', t => {
  const ids = new ObjectIds(70);
  ids.reserve(first + 1);
  t.deepEqual([ids.take(), ids.take()], [first, first + 2]);
  ids.release(first);
  t.is(ids.take(), first + 3);
});
