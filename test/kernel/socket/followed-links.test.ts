import test from 'ava';
import { FollowedLinks } from '../../../lib/kernel/socket/followed-links.ts';
import { LinkTable } from '../../../lib/kernel/socket/link-table.ts';
import type { Link } from '../../../lib/kernel/socket/route-socket.ts';

const up = 1;
const link = (name: string, index: number): Link => ({ name, index, flags: up });

/** Links that are read from by hand: `answer` resolves the reading under way, `refuse` rejects it. */
function createLinks() {
  let answer: (links: Link[]) => void = () => {};
  let refuse: (error: Error) => void = () => {};
  const socket = {
    links: () =>
      new Promise<Link[]>((resolve, reject) => {
        answer = resolve;
        refuse = reject;
      }),
  };
  const table = new LinkTable();
  const subject = new FollowedLinks(socket, table);
  return {
    table,
    subject,
    answer: (...links: Link[]) => answer(links),
    refuse: (error: Error) => refuse(error),
  };
}

test('links are in doubt until they were read, and again when something is lost', async t => {
  const { table, subject, answer } = createLinks();
  t.true(subject.inDoubt);
  const reading = subject.read();
  answer(link('p0', 1), link('p1', 2));
  t.deepEqual([...(await reading)], ['p0', 'p1']);
  t.false(subject.inDoubt);
  t.is(table.usableIndex('p1'), 2);
  subject.raiseDoubt();
  t.true(subject.inDoubt);
});

test('a reading that fails changes nothing, and leaves the links in doubt', async t => {
  const { table, subject, answer, refuse } = createLinks();
  const first = subject.read();
  answer(link('p0', 1));
  await first;
  subject.raiseDoubt();
  const second = subject.read();
  refuse(new Error('ENOBUFS'));
  await t.throwsAsync(second, { message: 'ENOBUFS' });
  t.true(subject.inDoubt);
  t.is(table.usableIndex('p0'), 1);
});

test('what is lost while links are read is not answered by that reading', async t => {
  const { subject, answer } = createLinks();
  const reading = subject.read();
  subject.raiseDoubt();
  answer(link('p0', 1));
  await reading;
  t.true(subject.inDoubt);
});

test('what is notified while links are read outlasts an answer that is older', async t => {
  const { table, subject, answer } = createLinks();
  const reading = subject.read();
  t.deepEqual([...subject.update([{ ...link('p2', 3), gone: false }])], ['p2']);
  subject.update([{ ...link('p1', 2), gone: true }]);
  answer(link('p0', 1), link('p1', 2));
  await reading;
  t.deepEqual(
    ['p0', 'p1', 'p2'].map(name => table.usableIndex(name)),
    [1, undefined, 3],
  );
  t.false(subject.inDoubt);
});
