import test from 'ava';
import type { Cohort } from '../../../lib/kernel/groups/cohort.ts';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { ObjectKind } from '../../../lib/kernel/socket/nexthop-object.ts';
import { advertise, hops } from '../../support/packed.ts';

const never = Number.POSITIVE_INFINITY;

/** Cohorts of plain groups. `made` is one that the kernel has, with `size` destinations. */
function createCohorts() {
  const subject = new Cohorts({ kind: ObjectKind.group }, advertise);
  const made = (size: number, ...indexes: number[]): Cohort => {
    const cohort = subject.create(4, hops(...indexes), undefined);
    subject.takeChanges(0);
    subject.setContent(cohort, cohort.planned);
    for (const nexthop of subject.nexthops.find(hops(...indexes))) {
      subject.nexthops.accept(nexthop);
      subject.nexthops.markOnlink(nexthop, true);
    }
    for (let destination = 0; destination < size; destination++) subject.join(cohort.id);
    return cohort;
  };
  return { subject, made };
}

const found = (content: Uint8Array, rest = {}) => ({
  family: 4 as const,
  content,
  fit: true,
  stale: false,
  marking: undefined,
  ...rest,
});

test('without a form a route leads through no group, with one only through a group that fits', t => {
  t.deepEqual(
    [0, 9].map(group => new Cohorts(undefined, advertise).suits(group)),
    [true, false],
  );
  const { subject, made } = createCohorts();
  const cohort = made(1, 1);
  t.deepEqual(
    [0, cohort.id, 9].map(group => subject.suits(group)),
    [false, true, false],
  );
  cohort.fit = false;
  t.false(subject.suits(cohort.id));
});

test('a cohort whose last destination leaves has no use until one joins', t => {
  const { subject, made } = createCohorts();
  const cohort = made(1, 1);
  t.false(subject.busy);
  subject.leave(cohort.id);
  t.deepEqual([...subject.unused], [cohort]);
  t.true(subject.busy);
  subject.join(cohort.id);
  t.deepEqual([...subject.unused], []);
  subject.leave(0);
  subject.join(0);
  t.is(cohort.size, 1, 'no group is no cohort');
});

test('of two cohorts of the same nexthops the one of more destinations is found, and none that does not fit', t => {
  const { subject, made } = createCohorts();
  const [small, large] = [made(1, 1, 2), made(3, 1, 2)];
  t.is(subject.find(4, hops(1, 2)), large);
  large.fit = false;
  t.is(subject.find(4, hops(1, 2)), small);
  t.is(subject.find(6, hops(1, 2)), undefined);
  t.is(subject.find(4, hops(1)), undefined);
});

test('a change that did not come about is planned no more', t => {
  const { subject, made } = createCohorts();
  const cohort = made(1, 1);
  subject.change(cohort, hops(1, 2));
  t.is(subject.find(4, hops(1, 2)), cohort);
  t.deepEqual([...subject.takeChanges(0).keys()], [cohort]);
  t.is(subject.takeChanges(0).size, 0);
  subject.close(cohort);
  t.is(subject.find(4, hops(1, 2)), undefined);
  t.is(subject.find(4, hops(1)), cohort);
});

test('a cohort that was never made is forgotten when its pass is over', t => {
  const { subject } = createCohorts();
  const cohort = subject.create(4, hops(1), undefined);
  subject.close(cohort);
  t.is(subject.get(cohort.id), undefined);
  t.false(subject.busy && [...subject.unused].length > 0);
});

test('a group whose id another owner has is forgotten, and its id given to nobody', t => {
  const { subject, made } = createCohorts();
  const cohort = made(0, 1);
  subject.yieldId(cohort);
  t.is(subject.get(cohort.id), undefined);
  t.not(subject.create(4, hops(1), undefined).id, cohort.id);
});

test('a group that can not be deleted is left until the kernel is read again', t => {
  const { subject, made } = createCohorts();
  const cohort = made(0, 1);
  subject.giveUp(cohort);
  t.deepEqual([...subject.unused], []);
  subject.adopt(new Map([[cohort.id, found(hops(1))]]));
  t.deepEqual([...subject.unused], [cohort]);
});

test('a lost interface leaves its groups, and what is left of them is written again', t => {
  const { subject, made } = createCohorts();
  const [both, other, last] = [made(1, 1, 2), made(1, 2), made(1, 1)];
  subject.loseLink(1);
  t.deepEqual(
    [both, other, last].map(({ content }) => content),
    [hops(2), hops(2), hops()],
  );
  t.deepEqual([...subject.takeChanges(0).keys()], [both]);
  subject.loseLink(9);
  t.is(subject.takeChanges(0).size, 0);
});

test('a lost interface changes no plan that is under way', t => {
  const { subject, made } = createCohorts();
  const cohort = made(1, 1, 2);
  subject.change(cohort, hops(1, 3));
  subject.loseLink(1);
  t.deepEqual([cohort.content, cohort.planned], [hops(2), hops(1, 3)]);
});

test('a reading tells what groups there are: known ones, ones of a former run, and those that are gone', t => {
  const { subject, made } = createCohorts();
  const [kept, gone, emptied] = [made(1, 1), made(1, 2), made(0, 3)];
  const old = subject.ids.take() + 7;
  subject.adopt(
    new Map([
      [kept.id, found(hops(1, 2))],
      [old, found(hops(3), { fit: false })],
    ]),
  );
  t.deepEqual([kept.content, kept.planned], [hops(1, 2), hops(1, 2)]);
  t.deepEqual(gone.content, hops());
  t.is(subject.get(gone.id), gone, 'destinations are still believed to lead through it');
  t.is(subject.get(emptied.id), undefined);
  const adopted = subject.get(old);
  t.like(adopted, { fit: false, aloneSince: Number.NEGATIVE_INFINITY });
  t.deepEqual([...subject.unused], [adopted]);
  t.is(subject.takeChanges(0).size, 0);
  subject.adopt(new Map([[kept.id, found(hops(1), { stale: true })]]));
  t.deepEqual([...subject.takeChanges(0).keys()], [kept], 'other timers are written');
});

test('a group whose buckets are being marked is written again when they are', t => {
  const { subject, made } = createCohorts();
  const cohort = made(1, 1);
  t.is(subject.nextDeadline, never);
  subject.mark(cohort, { unmarked: hops(1), until: 500 });
  t.is(subject.nextDeadline, 500);
  t.is(subject.takeChanges(499).size, 0);
  t.deepEqual([...subject.takeChanges(500).keys()], [cohort]);
  subject.mark(cohort, undefined);
  t.is(subject.nextDeadline, never);
});
