import test from 'ava';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { observeObjects } from '../../../lib/kernel/groups/object-changes.ts';
import { type NexthopObject, ObjectKind } from '../../../lib/kernel/socket/nexthop-object.ts';
import { advertise } from '../../support/packed.ts';

const form = { kind: ObjectKind.group } as const;

function deleted(kind: NexthopObject['kind'], idOf: (subject: Cohorts) => number) {
  const subject = new Cohorts(form, advertise);
  const object = { id: idOf(subject), kind } as NexthopObject;
  return observeObjects([{ gone: true, object }], subject);
}

for (const kind of [ObjectKind.nexthop, ObjectKind.group]) {
  // A reading that is under way may have found it before it was deleted, and is about to be believed.
  test(`a deleted object of ours that is not known makes the kernel be read again, kind ${kind}`, t => {
    t.like(
      deleted(kind, subject => subject.ids.take()),
      { doubt: true, deleted: 1 },
    );
  });

  test(`an object of others is none of our business, kind ${kind}`, t => {
    t.like(
      deleted(kind, () => 7),
      { doubt: false, deleted: 0 },
    );
  });
}
