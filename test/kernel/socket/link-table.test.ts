import test from 'ava';
import fc from 'fast-check';
import { LinkTable } from '../../../lib/kernel/socket/link-table.ts';

const link = (name: string, index: number, flags = 1) => ({ name, index, flags });
const came = (name: string, index: number, flags = 1) => ({ ...link(name, index, flags), gone: false });
const went = (name: string, index: number) => ({ ...link(name, index), gone: true });

test('an interface is usable while it is there and up', t => {
  const links = new LinkTable();
  t.deepEqual([...links.update([came('p0', 1), came('p1', 2, 0)])].sort(), ['p0', 'p1']);
  t.deepEqual(
    [links.usableIndex('p0'), links.usableIndex('p1'), links.usableIndex('p2')],
    [1, undefined, undefined],
  );
  t.deepEqual([links.isUsable(1), links.isUsable(2), links.isUsable(3)], [true, false, false]);
  t.deepEqual([links.nameOf(2), links.nameOf(3)], ['p1', '#3']);
});

test('only a change of number or usability is one', t => {
  const links = new LinkTable();
  links.update([came('p0', 1)]);
  const { revision } = links;
  t.deepEqual([...links.update([came('p0', 1, 1 | 64)])], []);
  t.is(links.revision, revision);
  t.deepEqual([...links.update([came('p0', 1, 0)])], ['p0']);
  t.true(links.revision > revision);
});

test('a name that comes back with another number is another interface, and the old one that goes takes nothing along', t => {
  const links = new LinkTable();
  links.update([came('p0', 1)]);
  t.deepEqual([...links.update([came('p0', 2), went('p0', 1)])], ['p0']);
  t.is(links.usableIndex('p0'), 2);
  t.is(links.nameOf(1), '#1');
});

test('an interface that is renamed is gone by its old name', t => {
  const links = new LinkTable();
  links.update([came('p0', 1)]);
  t.deepEqual([...links.update([came('other', 1)])].sort(), ['other', 'p0']);
  t.deepEqual([links.usableIndex('p0'), links.usableIndex('other')], [undefined, 1]);
});

test('a whole reading leaves what it lists and nothing else, whatever was there', t => {
  const some = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('p0', 'p1', 'p2'),
      index: fc.integer({ min: 1, max: 5 }),
      flags: fc.constantFrom(0, 1),
    }),
    { selector: ({ name }) => name },
  );
  const distinct = some.filter(each => new Set(each.map(({ index }) => index)).size === each.length);
  fc.assert(
    fc.property(distinct, distinct, (before, after) => {
      const links = new LinkTable();
      links.replace(before);
      const changed = links.replace(after);
      for (const name of ['p0', 'p1', 'p2']) {
        const usable = (all: typeof before) =>
          all.find(each => each.name === name && each.flags === 1)?.index;
        t.is(links.usableIndex(name), usable(after));
        if (usable(before) !== usable(after)) t.true(changed.has(name), name);
      }
    }),
  );
});
