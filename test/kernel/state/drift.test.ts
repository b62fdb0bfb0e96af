/** Every way in which routes change without us: first the harm, then that it is gone. */
import test from 'ava';
import { eventually } from '../../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../../support/node-lab.ts';
import { advertise, program } from '../../support/program.ts';

const four = '192.0.2.1/32';
const six = '2001:db8::1/128';

/** Serves both destinations by pods 0 to `pods - 1`, and follows the kernel. */
async function serve(t: Parameters<typeof program>[0], lab: NodeLab, pods = 3) {
  const subject = await program(t, lab, { follow: true });
  const indices = Array.from({ length: pods }, (_, index) => index);
  subject.table.want(four, { nexthops: indices.map(index => lab.nexthop(index)) });
  subject.table.want(six, { nexthops: indices.map(index => lab.nexthop(index, 6)) });
  await subject.settle();
  return subject;
}

/** The interfaces that each destination leads through, in both families. */
async function interfaces({ node }: NodeLab): Promise<string[][]> {
  return (await routesOf(node, advertise)).map(({ nexthops }) =>
    nexthops.map(nexthop => nexthop.replace(/.*%/, '')),
  );
}

const lead = (lab: NodeLab, names: string[]) =>
  eventually(
    () => `both destinations to lead through ${names}`,
    async () => {
      const found = await interfaces(lab);
      return found.length === 2 && found.every(each => String(each) === String(names));
    },
  );

test('deleting one veth removes a whole IPv4 multipath route; its siblings are put back', async t => {
  const harm = await createNodeLab(t, 2);
  await harm.node.ip(
    'route',
    'add',
    four,
    'proto',
    '70',
    'metric',
    '16',
    'nexthop',
    'via',
    '10.1.1.2',
    'nexthop',
    'via',
    '10.1.2.2',
  );
  await harm.node.ip('link', 'delete', 'p1');
  t.deepEqual(await routesOf(harm.node, advertise), [], 'the harm: p0 was healthy');

  const lab = await createNodeLab(t, 3);
  await serve(t, lab);
  await lab.node.ip('link', 'delete', 'p1');
  await lead(lab, ['p0', 'p2']);
  t.pass();
});

test('an interface lost in the middle of a pass costs its siblings nothing but that pass', async t => {
  const lab = await createNodeLab(t, 3);
  let lose: (() => Promise<void>) | undefined;
  let afterwards: string[][] | undefined;
  const subject = await program(t, lab, {
    follow: true,
    through: socket => ({
      async apply(batch) {
        const losing = lose;
        lose = undefined;
        await losing?.();
        const result = await socket.apply(batch);
        if (losing !== undefined) afterwards = await interfaces(lab);
        return result;
      },
      dumpInParts: (filter, take) => socket.dumpInParts(filter, take),
      links: () => socket.links(),
      lookup: addresses => socket.lookup(addresses),
      nexthopObjects: () => socket.nexthopObjects(),
      monitor: (options, callback) => socket.monitor(options, callback),
    }),
  });
  const indices = [0, 1, 2];
  subject.table.want(four, { nexthops: indices.map(index => lab.nexthop(index)) });
  subject.table.want(six, { nexthops: indices.map(index => lab.nexthop(index, 6)) });
  await subject.settle();
  // It is down when the pass is planned, and gone with the IPv4 route when the request is sent.
  lose = async () => {
    await lab.node.ip('link', 'delete', 'p1');
  };
  await lab.node.ip('link', 'set', 'p1', 'down');
  await eventually('the pass', () => afterwards);
  t.deepEqual(afterwards, [
    ['p0', 'p2'],
    ['p0', 'p2'],
  ]);
  await lead(lab, ['p0', 'p2']);
});

test("a pod's namespace that ends is the same", async t => {
  const lab = await createNodeLab(t, 2);
  const own = await lab.lab.namespace('own');
  await lab.lab.link(lab.node, 'p2', own, 'p2');
  await own.configure('p2', '10.1.3.2/24', 'fd00:1:3::2/64');
  await lab.node.configure('p2', '10.1.3.1/24', 'fd00:1:3::1/64');
  await serve(t, lab);
  await lead(lab, ['p0', 'p1', 'p2']);
  await lab.lab.removeNamespace(own);
  await lead(lab, ['p0', 'p1']);
  t.pass();
});

test('an interface set down leaves, and comes back when it is up', async t => {
  const lab = await createNodeLab(t, 3);
  await serve(t, lab);
  await lab.node.ip('link', 'set', 'p1', 'down');
  await lead(lab, ['p0', 'p2']);
  await lab.node.configure('p1', 'fd00:1:2::1/64');
  await lead(lab, ['p0', 'p1', 'p2']);
  t.pass();
});

test("a destination's only interface set down and up again is programmed again", async t => {
  const lab = await createNodeLab(t, 1);
  await serve(t, lab, 1);
  await lab.node.ip('link', 'set', 'p0', 'down');
  await eventually('no route', async () => (await routesOf(lab.node, advertise)).length === 0);
  await lab.node.configure('p0', 'fd00:1:1::1/64');
  await lead(lab, ['p0']);
  t.pass();
});

test('the same name with another number is another interface', async t => {
  const lab = await createNodeLab(t, 2);
  await serve(t, lab, 2);
  await lab.node.ip('link', 'delete', 'p1');
  await lead(lab, ['p0']);
  await lab.addPod(1);
  await lead(lab, ['p0', 'p1']);
  t.pass();
});

test('an interface that is renamed is no longer the one that was wanted', async t => {
  const lab = await createNodeLab(t, 2);
  await serve(t, lab, 2);
  await lab.node.ip('link', 'set', 'p1', 'name', 'other');
  await lead(lab, ['p0']);
  await lab.node.ip('link', 'set', 'other', 'name', 'p1');
  await lead(lab, ['p0', 'p1']);
  t.pass();
});

test('carrier lost at a pod keeps the route: the pod answers when it is back', async t => {
  const lab = await createNodeLab(t, 2);
  const { events } = await serve(t, lab, 2);
  const before = events.length;
  await lab.pods.ip('link', 'set', 'p1', 'down');
  await eventually('the loss of carrier', async () =>
    (await lab.node.ip('link', 'show', 'p1')).includes('NO-CARRIER'),
  );
  await new Promise(resolve => setTimeout(resolve, 500));
  t.deepEqual(await interfaces(lab), [
    ['p0', 'p1'],
    ['p0', 'p1'],
  ]);
  t.deepEqual(events.slice(before), []);
});

test('an address that goes takes IPv4 routes along without a word; they come back with it', async t => {
  const lab = await createNodeLab(t, 1);
  const { table } = await serve(t, lab, 1);
  await lab.node.ip('addr', 'del', '10.1.1.1/24', 'dev', 'p0');
  // Tried, told to BIRD, and tried again: in between it is neither announced nor failed.
  await eventually(
    'the loss to be known',
    () => !table.announced.has(four) && [...table.failures()].some(({ destination }) => destination === four),
  );
  t.deepEqual((await routesOf(lab.node, 71)).length, 0, 'what told BIRD is taken down again');
  await lab.node.ip('addr', 'add', '10.1.1.1/24', 'dev', 'p0');
  await lead(lab, ['p0']);
});

for (const [what, ...command] of [
  ['deleted', 'route', 'del', four, 'proto', '70', 'metric', '16'],
  ['retagged', 'route', 'replace', four, 'via', '10.1.1.2', 'proto', '71', 'metric', '16'],
  ['led elsewhere', 'route', 'replace', four, 'via', '10.1.2.2', 'proto', '70', 'metric', '16'],
  ['deleted, IPv6', '-6', 'route', 'del', six, 'proto', '70', 'metric', '16'],
  [
    'robbed of one nexthop, IPv6',
    '-6',
    'route',
    'del',
    six,
    'via',
    'fd00:1:2::2',
    'dev',
    'p1',
    'proto',
    '70',
    'metric',
    '16',
  ],
  [
    'given a nexthop, IPv6',
    '-6',
    'route',
    'append',
    six,
    'via',
    'fd00:1:3::2',
    'dev',
    'p2',
    'proto',
    '70',
    'metric',
    '16',
  ],
] as const) {
  test(`a route of ours that is ${what} is put right`, async t => {
    const lab = await createNodeLab(t, 3);
    const { changes } = await serve(t, lab, 2);
    const heard = changes();
    await lab.node.ip(...command);
    await eventually('the change to be heard', () => changes() > heard);
    await lead(lab, ['p0', 'p1']);
    t.deepEqual(await routesOf(lab.node, 71), []);
  });
}

test('somebody who keeps at it is reported once, and restoring waits', async t => {
  const lab = await createNodeLab(t, 1);
  const { events, table, settle } = await serve(t, lab, 1);
  const reports = () => events.filter(({ kind }) => kind === 'contested').length;
  let attacks = 0;
  await eventually('the report', async () => {
    attacks++;
    await lab.node.ip('route', 'del', four, 'proto', '70', 'metric', '16').catch(() => undefined);
    return attacks >= 40 && reports() > 0;
  });
  t.is(reports(), 1);
  t.true(events.filter(({ destination }) => destination === four).length < attacks / 2);
  t.true([...table.failures()].some(({ failure }) => failure.kind === 'contested'));
  await eventually(
    'peace',
    async () => {
      await settle();
      return (await interfaces(lab)).length === 2;
    },
    { intervalMs: 100 },
  );
});

test('a foreign route put over ours is a conflict, kept, and ours follows when it goes', async t => {
  const lab = await createNodeLab(t, 2);
  const { events, table } = await serve(t, lab, 1);
  await lab.node.ip('route', 'replace', four, 'via', '10.1.2.2', 'proto', '99', 'metric', '16');
  await eventually('the conflict', () => events.some(({ kind }) => kind === 'conflict'));
  t.is((await routesOf(lab.node, 99)).length, 1);
  t.false(table.announced.has(four));
  await lab.node.ip('route', 'del', four, 'proto', '99', 'metric', '16');
  await lead(lab, ['p0']);
});

test('5,000 foreign changes into a tiny buffer overrun it, and nothing is missed', async t => {
  const lab = await createNodeLab(t, 2);
  const subject = await program(t, lab, { follow: true, receiveBuffer: 4096 });
  const wanted = Array.from({ length: 50 }, (_, index) => `198.51.100.${index}/32`);
  for (const destination of wanted) subject.table.want(destination, { nexthops: [lab.nexthop(0)] });
  await subject.settle();
  const foreign = (index: number) =>
    `route replace 203.0.${index >> 8}.${index & 255}/32 via 10.1.2.2 metric 16 proto 99`;
  await lab.node.ipBatch([
    ...Array.from({ length: 2500 }, (_, index) => foreign(index)),
    ...wanted.slice(0, 25).map(destination => `route del ${destination} metric 16 proto 70`),
    'link set p1 down',
    'link set p1 up',
    ...Array.from({ length: 2500 }, (_, index) => foreign(index)),
  ]);
  await eventually('all of ours', async () => (await routesOf(lab.node, advertise)).length === wanted.length);
  t.is((await routesOf(lab.node, 99)).length, 2500);
});
