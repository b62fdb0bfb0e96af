import test from 'ava';
import { AbsentInterfaces } from '../../../lib/kernel/plan/absent-interfaces.ts';
import { linksOf } from '../../support/packed.ts';

const p2 = { name: 'p2', index: 2, flags: 1 };

test('an interface that is missing is reported once, however many want it', t => {
  const subject = new AbsentInterfaces(linksOf(1));
  for (const name of ['p1', 'p2', 'p2']) subject.note(name);
  t.deepEqual(subject.take(), ['p2']);
  subject.note('p2');
  t.deepEqual(subject.take(), []);
});

test('an interface that came and went again is reported again', t => {
  const links = linksOf(1);
  const subject = new AbsentInterfaces(links);
  subject.note('p2');
  t.deepEqual(subject.take(), ['p2']);
  links.update([{ ...p2, gone: false }]);
  subject.note('p2');
  t.deepEqual(subject.take(), []);
  links.update([{ ...p2, flags: 0, gone: false }]);
  subject.note('p2');
  t.deepEqual(subject.take(), ['p2'], 'set down is absent too');
});
