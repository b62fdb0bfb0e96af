/** Nexthop groups on a real kernel: what one message does, what lives on, what is left behind. */
import test from 'ava';
import { TimeSlice } from '../../lib/base/time-slice.ts';
import type { GroupForm } from '../../lib/kernel/groups/group-form.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { advertise, everyForm, hold, program } from '../support/program.ts';
import { testResilient } from '../support/resilient-test.ts';
import { watchRoutes } from '../support/route-watch.ts';

const groups = everyForm['by groups'];
const resilient = everyForm['by resilient groups'];
const groupForms = Object.entries(everyForm).filter(([, form]) => form !== undefined);
const destinations = Array.from({ length: 30 }, (_, index) => `192.0.2.${index + 1}/32`);

interface IpNexthop {
  id: number;
  protocol?: string;
  dev?: string;
  type?: string;
  group?: { id: number; weight?: number }[];
}

const objectsOf = (lab: NodeLab) => lab.node.ipJson<IpNexthop[]>('nexthop', 'show', 'proto', `${advertise}`);
const groupsOf = async (lab: NodeLab) => (await objectsOf(lab)).filter(({ group }) => group !== undefined);
/** Which group each of our routes names. */
async function groupByDestination(lab: NodeLab): Promise<Record<string, number | undefined>> {
  const routes = await lab.node.ipJson<{ dst: string; nhid?: number }[]>(
    'route',
    'show',
    'proto',
    `${advertise}`,
  );
  return Object.fromEntries(routes.map(({ dst, nhid }) => [`${dst}/32`, nhid]));
}
const pods = (lab: NodeLab, ...indices: number[]) => ({
  nexthops: indices.map(index => lab.nexthop(index)),
});

test('30 destinations of the same pods share a group, and a pod that leaves is one request for all', async t => {
  const lab = await createNodeLab(t, 3);
  const { table, settle, pass } = await program(t, lab, { groups });
  for (const destination of destinations) table.want(destination, pods(lab, 0, 1, 2));
  await settle();
  const [group, ...others] = await groupsOf(lab);
  t.deepEqual(others, []);
  t.is(group?.group?.length, 3);
  t.deepEqual([...new Set(Object.values(await groupByDestination(lab)))], [group?.id]);

  for (const destination of destinations) table.want(destination, pods(lab, 0, 1));
  const plan = await table.planner.plan(performance.now(), new TimeSlice(() => performance.now()));
  t.is(plan.batch.length, 1);
  t.is(plan.requests.length, destinations.length);
  table.planner.abandon(plan);
  await pass();
  t.deepEqual(await groupByDestination(lab), Object.fromEntries(destinations.map(each => [each, group?.id])));
  t.deepEqual(
    (await routesOf(lab.node, advertise)).map(({ nexthops }) => nexthops),
    destinations.map(() => ['10.1.1.2%p0', '10.1.2.2%p1']),
  );
  await settle();
  t.is((await objectsOf(lab)).length, 3, 'the nexthop that nobody uses is gone');
});

test('a split keeps the group of those that stay, and what parts has a group of its own', async t => {
  const lab = await createNodeLab(t, 3);
  for (const [, form] of groupForms) {
    const { table, settle, stop } = await program(t, lab, { groups: form });
    for (const destination of destinations.slice(0, 4)) table.want(destination, pods(lab, 0, 1));
    await settle();
    const before = await groupByDestination(lab);
    for (const destination of destinations.slice(0, 2)) table.want(destination, pods(lab, 0, 1, 2));
    await settle();
    const after = await groupByDestination(lab);
    t.deepEqual(
      destinations.slice(0, 4).map(each => after[each] === before[each]),
      [false, false, true, true],
    );
    t.is(after[destinations[0] as string], after[destinations[1] as string]);
    for (const destination of destinations.slice(0, 4)) table.want(destination, { nexthops: [] });
    await eventually('the routes to go', async () => {
      await settle();
      return (await routesOf(lab.node, hold)).length === 0;
    });
    await settle();
    t.deepEqual(await objectsOf(lab), [], 'with the last destination go groups and nexthops');
    await stop();
  }
});

testResilient(
  'a resilient group that parts begins as its parent is: only what the leaving pod had moves',
  async t => {
    const lab = await createNodeLab(t, 4);
    const { table, settle } = await program(t, lab, { groups: resilient });
    for (const destination of destinations.slice(0, 2)) table.want(destination, pods(lab, 0, 1, 2, 3));
    await settle();
    const bucketsOf = async (id: number | undefined) => {
      const buckets = await lab.node.ipJson<{ bucket: { index: number; nhid: number } }[]>(
        ...['nexthop', 'bucket', 'show', 'id', `${id}`],
      );
      return new Map(buckets.map(({ bucket }) => [bucket.index, bucket.nhid]));
    };
    const { [destinations[0] as string]: parent } = await groupByDestination(lab);
    const before = await bucketsOf(parent);
    table.want(destinations[0] as string, pods(lab, 0, 1, 2));
    await settle();
    const { [destinations[0] as string]: child } = await groupByDestination(lab);
    t.not(child, parent);
    const after = await bucketsOf(child);
    const leaver = [...before.values()].find(id => ![...after.values()].includes(id));
    const moved = [...before].filter(([index, id]) => id !== leaver && after.get(index) !== id);
    t.true(moved.length <= 1, `${moved.length} buckets of the siblings moved`);
  },
);

test('a restart adopts groups: nothing is written, in both families', async t => {
  const lab = await createNodeLab(t, 2);
  for (const [, form] of groupForms) {
    const want = ({ table }: Awaited<ReturnType<typeof program>>) => {
      table.want('192.0.2.1/32', pods(lab, 0, 1));
      table.want('2001:db8::1/128', { nexthops: [lab.nexthop(0, 6), lab.nexthop(1, 6)] });
    };
    const before = await program(t, lab, { groups: form });
    want(before);
    await before.settle();
    await before.stop();
    const known = await objectsOf(lab);
    const after = await program(t, lab, { groups: form });
    want(after);
    t.deepEqual(await after.settle(), []);
    t.deepEqual(await objectsOf(lab), known);
    await after.stop();
  }
});

test('from one form to the next, in every direction, a destination is never without its route', async t => {
  const lab = await createNodeLab(t, 2);
  const watch = watchRoutes(lab.node, [advertise, hold]);
  t.teardown(() => watch.stop());
  const forms = Object.entries(everyForm);
  for (const [from, before] of forms) {
    for (const [to, after] of forms) {
      const run = async (form: GroupForm) => {
        const { table, settle, stop } = await program(t, lab, { groups: form });
        for (const destination of destinations.slice(0, 3)) table.want(destination, pods(lab, 0, 1));
        await settle();
        await settle();
        await stop();
      };
      await run(before);
      watch.seen.length = 0;
      await run(after);
      t.deepEqual(
        watch.seen.filter(({ gone }) => gone),
        [],
        `${from} to ${to}`,
      );
      const routes = await routesOf(lab.node, advertise);
      t.is(routes.length, 3);
      t.true(routes.every(({ nexthops }) => nexthops.length === 2));
      const kinds = (await groupsOf(lab)).map(({ type = 'mpath' }) => type);
      t.deepEqual(
        kinds,
        { undefined: [], '1': ['mpath'], '2': ['resilient'] }[`${after?.kind}`],
        `${from} to ${to}`,
      );
    }
  }
});

test('ids of our range that others have are passed over, and their objects stand', async t => {
  const lab = await createNodeLab(t, 2);
  const first = advertise * 2 ** 24 + 1;
  const foreign = ['nexthop', 'add', 'id', `${first}`, 'via', '10.1.2.2', 'dev', 'p1', 'protocol', '99'];
  await lab.node.ip(...foreign);
  const { table, settle } = await program(t, lab, { groups });
  table.want('192.0.2.1/32', pods(lab, 0));
  await settle();
  t.is((await routesOf(lab.node, advertise)).length, 1);
  // One that comes to be while we run, at the id that is next.
  const taken = Math.max(...(await objectsOf(lab)).map(({ id }) => id)) + 1;
  await lab.node.ip(...foreign.map(word => (word === `${first}` ? `${taken}` : word)));
  table.want('192.0.2.2/32', pods(lab, 0, 1));
  await eventually('the route by ids of our own', async () => {
    await settle();
    return (await routesOf(lab.node, advertise)).length === 2;
  });
  t.deepEqual(
    (await routesOf(lab.node, advertise)).map(({ nexthops }) => nexthops.length),
    [1, 2],
  );
  const others = await lab.node.ipJson<IpNexthop[]>('nexthop', 'show', 'proto', '99');
  t.deepEqual(
    others.map(({ id }) => id),
    [first, taken],
  );
});

const harms: Record<string, (lab: NodeLab) => Promise<unknown>> = {
  'deletes a nexthop': async lab => {
    const [nexthop] = (await objectsOf(lab)).filter(({ dev }) => dev === 'p0');
    return lab.node.ip('nexthop', 'delete', 'id', `${nexthop?.id}`);
  },
  'deletes a group': async lab => lab.node.ip('nexthop', 'delete', 'id', `${(await groupsOf(lab))[0]?.id}`),
  'flushes every nexthop': lab => lab.node.ip('nexthop', 'flush', 'proto', `${advertise}`),
  'changes a group': async lab => {
    const [group] = await groupsOf(lab);
    const member = `${group?.group?.[0]?.id}`;
    const type = group?.type === undefined ? [] : ['type', 'resilient'];
    return lab.node.ip(
      ...['nexthop', 'replace', 'id', `${group?.id}`, 'group', member, ...type, 'protocol', '70'],
    );
  },
  'leads a nexthop elsewhere': async lab => {
    const [nexthop] = (await objectsOf(lab)).filter(({ dev }) => dev === 'p0');
    const elsewhere = ['via', '10.1.3.2', 'dev', 'p2', 'protocol', '70'];
    return lab.node.ip('nexthop', 'replace', 'id', `${nexthop?.id}`, ...elsewhere);
  },
  'takes a route out of its group': lab =>
    lab.node.ip(...'route replace 192.0.2.1/32 via 10.1.1.2 metric 16 proto 70'.split(' ')),
};

for (const [by, form] of groupForms) {
  for (const [what, harm] of Object.entries(harms)) {
    test(`${by}: somebody ${what}, and it is put right`, async t => {
      const lab = await createNodeLab(t, 3);
      const { table, settle, events } = await program(t, lab, { groups: form, follow: true });
      for (const destination of destinations.slice(0, 3)) table.want(destination, pods(lab, 0, 1));
      await settle();
      const whole = async () => {
        const routes = await routesOf(lab.node, advertise);
        const named = new Set(Object.values(await groupByDestination(lab)));
        return (
          routes.length === 3 &&
          routes.every(({ nexthops }) => `${nexthops}` === '10.1.1.2%p0,10.1.2.2%p1') &&
          !named.has(undefined)
        );
      };
      await eventually('the routes', whole);
      await harm(lab);
      await eventually(() => `the harm to be undone: ${JSON.stringify(events.slice(-3))}`, whole);
      await eventually(
        'nothing to be left over',
        async () => (await objectsOf(lab)).length === 2 + (await groupsOf(lab)).length,
      );
      t.pass();
    });
  }

  test(`${by}: an interface that goes takes no route along, and comes back with its nexthop`, async t => {
    const lab = await createNodeLab(t, 3);
    const watch = watchRoutes(lab.node, [advertise, hold]);
    t.teardown(() => watch.stop());
    const { table, settle } = await program(t, lab, { groups: form, follow: true });
    table.want('192.0.2.1/32', pods(lab, 0, 1, 2));
    await settle();
    const leads = (...via: string[]) =>
      eventually(`a route through ${via}`, async () => {
        const [route] = await routesOf(lab.node, advertise);
        return `${route?.nexthops}` === `${via}`;
      });
    await leads('10.1.1.2%p0', '10.1.2.2%p1', '10.1.3.2%p2');
    const before = await groupByDestination(lab);
    watch.seen.length = 0;
    await lab.node.ip('link', 'delete', 'p0');
    await leads('10.1.2.2%p1', '10.1.3.2%p2');
    await lab.node.ip('link', 'set', 'p1', 'down');
    await leads('10.1.3.2%p2');
    await lab.node.ip('link', 'set', 'p1', 'up');
    await leads('10.1.2.2%p1', '10.1.3.2%p2');
    await lab.addPod(0);
    await leads('10.1.1.2%p0', '10.1.2.2%p1', '10.1.3.2%p2');
    t.deepEqual(await groupByDestination(lab), before, 'by the same group all the time');
    t.deepEqual(
      watch.seen.filter(({ gone }) => gone),
      [],
    );
  });
}

testResilient(
  'timers that are configured anew are changed in place; other buckets are another group',
  async t => {
    const lab = await createNodeLab(t, 2);
    const run = async (resilience: { buckets: number; idleTimer: number; unbalancedTimer: number }) => {
      const { table, settle, stop } = await program(t, lab, { groups: { kind: 2, resilience } });
      table.want('192.0.2.1/32', pods(lab, 0, 1));
      await settle();
      await settle();
      await stop();
      const [group] = await lab.node.ipJson<{ id: number; resilient_args: object }[]>(
        'nexthop',
        'show',
        'groups',
      );
      return group;
    };
    const first = await run({ buckets: 64, idleTimer: 100, unbalancedTimer: 0 });
    const second = await run({ buckets: 64, idleTimer: 200, unbalancedTimer: 300 });
    t.is(second?.id, first?.id);
    t.like(second?.resilient_args, { buckets: 64, idle_timer: 2, unbalanced_timer: 3 });
    const third = await run({ buckets: 128, idleTimer: 200, unbalancedTimer: 300 });
    t.not(third?.id, first?.id);
    t.like(third?.resilient_args, { buckets: 128 });
  },
);
