/** A second pod beside a first one whose flows the kernel did not note: real packets through a real node. */
import type { ChildProcess } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../lib/base/clock.ts';
import type { Marking } from '../../../lib/kernel/groups/cohort.ts';
import { markingFor, unmarkedIn, weightsOf } from '../../../lib/kernel/groups/marking.ts';
import { membersOf, ObjectKind, readObjects } from '../../../lib/kernel/socket/nexthop-object.ts';
import { concatenate, weighted, weightOf } from '../../../lib/kernel/socket/nexthops.ts';
import { nexthopLength, nexthopOffsets } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteSocket } from '../../../lib/kernel/socket/route-socket.ts';
import { abilities } from '../../support/abilities.ts';
import { endChild, eventually } from '../../support/lab.ts';
import { createNodeLab } from '../../support/node-lab.ts';
import { everyForm, program } from '../../support/program.ts';
import { testResilient } from '../../support/resilient-test.ts';

const anycast = '192.0.2.1';
/** Far longer than a sender on a busy machine waits for its turn. */
const idleMs = 3000;
/** What our table waits for beyond that. */
const slackMs = 250;
const form = {
  kind: ObjectKind.resilientGroup,
  resilience: { buckets: 64, idleTimer: idleMs / 10, unbalancedTimer: 0 },
  heaviestMember: abilities.heaviestMember,
} as const;
const heaviest = abilities.heaviestMember;
/** Flows of one program; a packet of each every 50 ms. */
const flows = 20;
/** A pod without a flow hears less: the neighbours' questions. */
const noise = 10;
const pause = (ms: number) => new Promise<void>(resolve => systemClock.after(ms, resolve));

/** Sends one packet of each flow, by turns, until it is ended. */
const sender = `
const { createSocket } = require('node:dgram');
for (let i = 0; i < ${flows}; i++) {
  const socket = createSocket('udp4');
  setInterval(() => socket.send('x', 5353, '${anycast}'), 50);
}`;

async function createForwarder(t: ExecutionContext) {
  const lab = await createNodeLab(t, 2);
  const outside = await lab.lab.namespace('outside');
  await lab.lab.link(lab.node, 'up0', outside, 'up0');
  await lab.node.configure('up0', '10.9.0.1/24');
  await outside.configure('up0', '10.9.0.2/24');
  await outside.ip('route', 'add', `${anycast}/32`, 'via', '10.9.0.1');
  await lab.node.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv4.fib_multipath_hash_policy': 1 });
  const socket = new RouteSocket({ netns: lab.node.path });
  t.teardown(() => socket.close());
  /** Packets that pod 1 has been sent. */
  const heard = async () => {
    const [link] = await lab.pods.ipJson<{ stats64: { rx: { packets: number } } }[]>(
      '-s',
      'link',
      'show',
      'p1',
    );
    return link?.stats64.rx.packets ?? 0;
  };
  return {
    ...lab,
    send: (): ChildProcess => outside.spawn(process.execPath, ['-e', sender], { stdio: 'ignore' }),
    /** Of how many packets pod 1 hears in so long. */
    async hearsIn(ms: number) {
      const before = await heard();
      await pause(ms);
      return (await heard()) - before;
    },
    /** The group's weights, and how many of its buckets lead to each nexthop that some do; the fewest first. */
    async group() {
      const group = [...readObjects(await socket.nexthopObjects())].find(
        ({ kind }) => kind !== ObjectKind.nexthop,
      );
      const buckets = await lab.node.ipJson<{ bucket: { nhid: number } }[]>(
        ...['nexthop', 'bucket', 'show', 'id', `${group?.id}`],
      );
      const parts = Object.values(Object.groupBy(buckets, ({ bucket }) => bucket.nhid));
      return {
        weights: group && membersOf(group).map(({ weight }) => weight),
        parts: parts.map(part => part?.length).sort((left = 0, right = 0) => left - right),
      };
    },
  };
}

testResilient(
  'without us: over IPv4 the flows of a group’s only member look idle, and move to a second one',
  async t => {
    const { node, send, hearsIn, group } = await createForwarder(t);
    await node.ipBatch([
      'nexthop add id 1 via 10.1.1.2 dev p0',
      'nexthop add id 2 via 10.1.2.2 dev p1',
      'nexthop add id 10 group 1 type resilient buckets 64 idle_timer 3',
      `route add ${anycast}/32 nhid 10`,
    ]);
    send();
    await pause(2 * idleMs);
    await node.ip('nexthop', 'replace', 'id', '10', 'group', '1/2', 'type', 'resilient', 'idle_timer', '3');
    await eventually('the flows that move', async () => (await hearsIn(500)) > noise);
    t.deepEqual((await group()).parts, [32, 32]);
  },
);

/** A table's clock, set by hand: how long the table takes for its own is not part of it. */
function handClock() {
  const clock = { at: 0, now: () => clock.at };
  return clock;
}

/** Our table, and a second pod beside a first one whose flows have long begun. */
async function secondPodJoins(t: ExecutionContext) {
  const lab = await createForwarder(t);
  const { node, nexthop, send } = lab;
  const clock = handClock();
  const { table, settle } = await program(t, { node }, { groups: form, now: clock.now });
  const want = (...nexthops: ReturnType<typeof nexthop>[]) => table.want(`${anycast}/32`, { nexthops });
  want(nexthop(0));
  await settle();
  const first = send();
  await pause(2 * idleMs);
  clock.at += 2 * idleMs;
  want(nexthop(0), nexthop(1));
  await settle();
  return { ...lab, clock, table, settle, want, first };
}

testResilient(
  'ours stay where they are, a second pod is given what is idle when that is known, and new flows then',
  async t => {
    const { clock, table, settle, send, hearsIn, group } = await secondPodJoins(t);
    t.deepEqual(await group(), { weights: [heaviest, 1], parts: [64] });
    const due = table.nextDeadline;
    t.is(due - clock.at, idleMs + slackMs, 'a pass is asked for when all that is busy is marked');
    table.beliefs.raiseDoubt();
    t.deepEqual(await settle(), [], 'an audit finds it as it is to be');
    t.is(table.nextDeadline, due);
    t.true((await hearsIn(idleMs)) < noise);
    await pause(slackMs);
    clock.at = due;
    await settle();
    t.deepEqual((await group()).weights, [1, 1]);
    await eventually('the idle buckets that move', async () => (await group()).parts.join() === '32,32');
    t.true((await hearsIn(2 * idleMs)) < noise, 'and what is busy does not');
    t.is(table.nextDeadline, Number.POSITIVE_INFINITY);
    const others = send();
    await eventually('new flows', async () => (await hearsIn(500)) > noise);
    await endChild(others, 500);
  },
);

testResilient(
  'a pod that drains is waited for no longer: what it has marked stays, new flows go to the other',
  async t => {
    const { settle, want, nexthop, first, send, hearsIn, group } = await secondPodJoins(t);
    await pause(idleMs / 4);
    want(nexthop(0), { ...nexthop(1), weight: 255 });
    await settle();
    t.deepEqual((await group()).weights, [1, 255]);
    t.true((await hearsIn(idleMs)) < noise);
    await endChild(first, 500);
    send();
    await eventually('new flows', async () => (await hearsIn(500)) > noise);
  },
);

testResilient('an agent that is started again meanwhile waits anew, and writes nothing before', async t => {
  const { node, nexthop, group } = await createForwarder(t);
  const clock = handClock();
  const start = async () => {
    const run = await program(t, { node }, { groups: form, now: clock.now });
    return {
      ...run,
      want: (...nexthops: ReturnType<typeof nexthop>[]) => run.table.want(`${anycast}/32`, { nexthops }),
    };
  };
  const before = await start();
  before.want(nexthop(0));
  await before.settle();
  before.want(nexthop(0), nexthop(1));
  await before.settle();
  await before.stop();
  const after = await start();
  after.want(nexthop(0), nexthop(1));
  t.deepEqual(await after.settle(), []);
  t.deepEqual((await group()).weights, [heaviest, 1]);
  clock.at = after.table.nextDeadline;
  await after.settle();
  t.deepEqual((await group()).weights, [1, 1]);
});

for (const [by, groups] of Object.entries(everyForm)) {
  testResilient(
    `an agent that is started again meanwhile, ${by}, withdraws and removes what nobody serves any more`,
    async t => {
      const { node, nexthop } = await createForwarder(t);
      const before = await program(t, { node }, { groups: form });
      before.table.want(`${anycast}/32`, { nexthops: [nexthop(0)] });
      await before.settle();
      before.table.want(`${anycast}/32`, { nexthops: [nexthop(0), nexthop(1)] });
      await before.settle();
      await before.stop();
      const after = await program(t, { node }, { groups });
      after.table.want(`${anycast}/32`, { nexthops: [] });
      await eventually('the removal', async () =>
        (await after.settle()).some(({ kind }) => kind === 'remove'),
      );
      t.deepEqual(
        after.events.map(({ kind }) => kind),
        ['hold', 'remove'],
      );
    },
  );
}

const one = (index: number, weight = 1): Uint8Array => {
  const nexthop = new Uint8Array(nexthopLength);
  nexthop[nexthopOffsets.interfaceIndex] = index;
  return weighted(nexthop, weight);
};
const set = (...nexthops: Uint8Array[]) => concatenate(nexthops);

const two = set(one(1), one(2));
const three = set(one(1), one(2), one(3));
const begun = { unmarked: one(1), until: 900 };

/** A group of an idle timer of one second that is changed: until when it is marked. */
const changes: [
  what: string,
  change: { family?: 4 | 6; alone?: number; marking?: Marking; now?: number; seed?: Uint8Array },
  before: Uint8Array,
  after: Uint8Array,
  until: number | undefined,
][] = [
  ['a second member over IPv4', {}, one(1), two, 1250],
  ['a second member soon after the first', { alone: 30 }, one(1), two, 280],
  ['over IPv6 the kernel marks', { family: 6 }, one(1), two, undefined],
  ['a third member', {}, two, three, undefined],
  ['another in its place', {}, one(1), one(2), undefined],
  ['the first members', {}, set(), two, undefined],
  ['begun as another group and grown', { family: 6, seed: two }, set(), three, 1250],
  ['begun as another group and shrunk', { family: 6, seed: two }, set(), one(1), undefined],
  ['the first drains', {}, one(1), set(one(1), one(2, 255)), undefined],
  ['the first drains meanwhile', { marking: begun }, two, set(one(1), one(2, 255)), undefined],
  ['the second drains meanwhile', { marking: begun }, two, set(one(1, 255), one(2)), 900],
  ['the second leaves meanwhile', { marking: begun }, two, one(1), undefined],
  ['a third comes meanwhile', { marking: begun }, two, three, 900],
  ['the time is over', { marking: begun, now: 900 }, two, two, undefined],
];
for (const [what, change, before, after, until] of changes) {
  test(`whether a group is to be marked: ${what}`, t => {
    const { family = 4, alone = 5000, marking, now = 0, seed } = change;
    const cohort = { family, content: before, marking, aloneSince: now - alone };
    t.is(markingFor(cohort, seed, after, now, 100)?.until, until);
  });
}

test('while a group is marked its members keep their weights among themselves, and others have next to none', t => {
  const marking = { unmarked: set(one(1), one(2)), until: 1 };
  const nexthops = set(one(1, 2), one(2, 3), one(3, 100));
  t.deepEqual(weightsOf(nexthops, marking, 65_535), [2 * 21_845, 3 * 21_845, 1]);
  t.deepEqual(weightsOf(nexthops, marking, 255), [2 * 85, 3 * 85, 1], 'before Linux 6.12');
  t.deepEqual(weightsOf(set(one(1, 2), one(3, 100)), undefined, 255), [2, 100]);
});

test('a group that is being marked is known by its weights, of a kernel with small weights by the whole of them', t => {
  const unmarked = (heaviest: number, ...weights: number[]) =>
    unmarkedIn(
      weights.map((weight, index) => one(index, weight)),
      heaviest,
    ).map(member => weightOf(member));
  t.deepEqual(unmarked(65_535, 43_690, 65_535, 1), [43_690, 65_535]);
  t.deepEqual(unmarked(65_535, 255, 1), [], 'drains');
  t.deepEqual(unmarked(255, 170, 255, 1), [170, 255]);
  t.deepEqual(unmarked(255, 255, 2), []);
  t.deepEqual(unmarked(255, 100, 1), [], 'as the pods ask');
  t.deepEqual(unmarked(255), []);
});
