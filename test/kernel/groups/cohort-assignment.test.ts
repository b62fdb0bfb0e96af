import test from 'ava';
import fc from 'fast-check';
import { Cohort } from '../../../lib/kernel/groups/cohort.ts';
import { assignCohorts, keyOf, type Move } from '../../../lib/kernel/groups/cohort-assignment.ts';

/** A set of nexthops, as far as assigning looks at it. */
const set = (...pods: number[]) => Uint8Array.from(pods.sort((left, right) => left - right));

/** Cohorts without a kernel: what is planned is done. */
class Book {
  readonly cohorts: Cohort[] = [];
  readonly changed: number[] = [];
  readonly parents: (number | undefined)[] = [];

  make(size: number, ...pods: number[]): Cohort {
    const cohort = this.create(4, set(...pods), undefined);
    cohort.size = size;
    this.parents.length = 0;
    return cohort;
  }

  find(family: 4 | 6, nexthops: Uint8Array): Cohort | undefined {
    const key = keyOf(family, nexthops);
    return this.cohorts.find(each => keyOf(each.family, each.planned) === key);
  }

  create(family: 4 | 6, nexthops: Uint8Array, parent: Cohort | undefined): Cohort {
    const cohort = new Cohort(this.cohorts.length + 1, family);
    cohort.planned = nexthops;
    this.cohorts.push(cohort);
    this.parents.push(parent?.id);
    return cohort;
  }

  change(cohort: Cohort, nexthops: Uint8Array): void {
    cohort.planned = nexthops;
    this.changed.push(cohort.id);
  }
}

const move = (entry: string, from: Cohort | undefined, nexthops: Uint8Array): Move<string> => ({
  entry,
  family: 4,
  from,
  nexthops,
});
const ids = (assigned: Map<string, Cohort>) =>
  Object.fromEntries([...assigned].map(([entry, { id }]) => [entry, id]));

test('new destinations of the same nexthops found one cohort, of others another', t => {
  const book = new Book();
  const assigned = assignCohorts(
    [move('a', undefined, set(1, 2)), move('b', undefined, set(1, 2)), move('c', undefined, set(1))],
    book,
  );
  t.deepEqual(ids(assigned), { a: 1, b: 1, c: 2 });
  t.deepEqual(book.changed, []);
});

test('a new destination joins the cohort that has what it wants', t => {
  const book = new Book();
  const known = book.make(5, 1, 2);
  t.is(assignCohorts([move('a', undefined, set(1, 2))], book).get('a'), known);
});

test('when all of a cohort want something else, it is changed in place', t => {
  const book = new Book();
  const cohort = book.make(2, 1, 2, 3);
  const assigned = assignCohorts([move('a', cohort, set(1, 2)), move('b', cohort, set(1, 2))], book);
  t.deepEqual(ids(assigned), { a: 1, b: 1 });
  t.deepEqual(book.changed, [1]);
});

test('when some stay, the cohort is theirs, and those that part found one that begins as theirs is', t => {
  const book = new Book();
  const cohort = book.make(3, 1, 2);
  const assigned = assignCohorts([move('a', cohort, set(1, 2, 3)), move('b', cohort, set(1, 2, 3))], book);
  t.deepEqual(ids(assigned), { a: 2, b: 2 });
  t.deepEqual(book.changed, []);
  t.deepEqual(book.parents, [1]);
});

test('when all part in different directions, the cohort goes with most of them', t => {
  const book = new Book();
  const cohort = book.make(3, 1, 2);
  const assigned = assignCohorts(
    [move('a', cohort, set(1)), move('b', cohort, set(2)), move('c', cohort, set(2))],
    book,
  );
  t.is(assigned.get('b'), cohort);
  t.is(assigned.get('c'), cohort);
  t.not(assigned.get('a'), cohort);
});

test('two cohorts that come to have the same nexthops stay two', t => {
  const book = new Book();
  const [one, two] = [book.make(1, 1, 2), book.make(1, 1)];
  const assigned = assignCohorts([move('a', one, set(1))], book);
  t.is(assigned.get('a'), one);
  t.deepEqual(two.planned, set(1));
});

test('one that can not be changed in place, being of another kind, is left', t => {
  const book = new Book();
  const cohort = book.make(1, 1, 2);
  cohort.fit = false;
  const assigned = assignCohorts([move('a', cohort, set(1))], book);
  t.not(assigned.get('a'), cohort);
  t.deepEqual(book.changed, []);
});

test('equal nexthops of two families are two cohorts', t => {
  const book = new Book();
  const assigned = assignCohorts(
    [move('a', undefined, set(1)), { ...move('b', undefined, set(1)), family: 6 }],
    book,
  );
  t.deepEqual(ids(assigned), { a: 1, b: 2 });
});

test('whatever moves, each destination ends in a cohort that has what it wants, and who stays keeps theirs', t => {
  const pods = fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1 }).map(chosen => set(...chosen));
  const destination = fc.record({ from: fc.integer({ min: 0, max: 3 }), wants: pods, stays: fc.boolean() });
  fc.assert(
    fc.property(fc.array(destination, { maxLength: 12 }), destinations => {
      const book = new Book();
      const cohorts = [undefined, book.make(0, 1), book.make(0, 1, 2), book.make(0, 3)];
      const moves: Move<string>[] = [];
      for (const [index, { from, wants, stays }] of destinations.entries()) {
        const cohort = cohorts[from];
        if (cohort !== undefined) cohort.size++;
        if (!stays || cohort === undefined) moves.push(move(`${index}`, cohort, wants));
      }
      const before = new Map(book.cohorts.map(cohort => [cohort, cohort.planned]));
      const assigned = assignCohorts(moves, book);
      for (const { entry, nexthops } of moves) t.deepEqual(assigned.get(entry)?.planned, nexthops);
      for (const [index, { from, stays }] of destinations.entries()) {
        const cohort = cohorts[from];
        if (stays && cohort !== undefined) t.deepEqual(cohort.planned, before.get(cohort), `${index}`);
      }
    }),
  );
});
