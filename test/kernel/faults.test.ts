/** Each operation fails once, in each way there is; every time the kernel ends up as if nothing had happened. */
import { constants } from 'node:os';
import test from 'ava';
import { type Fault, FaultySocket } from '../support/faulty-socket.ts';
import { eventually, patience } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { advertise, hold, type Program, program } from '../support/program.ts';

const destinations = ['192.0.2.1/32', '2001:db8::1/128'] as const;
const familyOf = (destination: string) => (destination.includes(':') ? 6 : 4);

/** What the kernel answers in the facts, and a few that nobody expects. */
const errnos = [
  'EPERM',
  'ENOENT',
  'ESRCH',
  'EINTR',
  'EIO',
  'EAGAIN',
  'ENOMEM',
  'EBUSY',
  'EEXIST',
  'ENODEV',
  'EINVAL',
  'ENOBUFS',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EMSGSIZE',
  'EOPNOTSUPP',
] as const;
const operations = ['create', 'replace', 'delete'] as const;

const faults: Fault[] = [
  ...operations.flatMap(operation =>
    errnos.map(name => ({
      what: 'refuse' as const,
      operation,
      errno: constants.errno[name as 'EPERM'],
      // The kernel says these of a deletion only when there is nothing left to delete.
      carriedOut: operation === 'delete' && ['ENOENT', 'ESRCH', 'ENODEV'].includes(name),
    })),
  ),
  ...operations.flatMap(operation =>
    [true, false].map(carriedOut => ({ what: 'lose' as const, operation, carriedOut })),
  ),
  ...(['apply', 'dump'] as const).flatMap(call =>
    ['ENOBUFS', 'EINTR', 'ETIMEDOUT'].map(code => ({ what: 'fail' as const, call, code })),
  ),
];

/** The nexthops of pods come, change, go and come again; the fault strikes somewhere on the way. */
const story: number[][] = [[0], [0, 1], [1], [0, 1, 2], [], [2]];

async function tell(lab: NodeLab, subject: Program, wanted: number[]): Promise<void> {
  for (const destination of destinations) {
    const nexthops = wanted.map(index => lab.nexthop(index, familyOf(destination)));
    subject.table.want(destination, { nexthops });
  }
  const expected =
    wanted.length === 0 ? [] : [wanted.map(index => `p${index}`), wanted.map(index => `p${index}`)];
  await eventually(
    () => `the kernel to lead through ${wanted}; ${JSON.stringify([...subject.table.failures()])}`,
    async () => {
      // The agent's loop: a failed pass is followed by another.
      await subject.settle().catch(() => undefined);
      const found = (await routesOf(lab.node, advertise)).map(({ nexthops }) =>
        nexthops.map(nexthop => nexthop.replace(/.*%/, '')),
      );
      const held = await routesOf(lab.node, hold);
      return held.length === 0 && JSON.stringify(found) === JSON.stringify(expected);
    },
    { intervalMs: 5 },
  );
}

for (const [family, destination] of [
  [4, '192.0.2.9/32'],
  [6, '2001:db8::9/128'],
] as const) {
  test(`IPv${family}: another owner's route that a fault hides is found all the same, and kept`, async t => {
    const lab = await createNodeLab(t, 2);
    let socket: FaultySocket | undefined;
    const subject = await program(t, lab, { through: real => (socket = new FaultySocket(real)) });
    const foreign = [destination, 'via', lab.nexthop(1, family).via, 'metric', '16', 'proto', '99'];
    await lab.node.ip('route', 'add', ...foreign);
    socket?.arm({ what: 'lose', operation: 'create', carriedOut: false });
    subject.table.want(destination, { nexthops: [lab.nexthop(0, family)] });
    await eventually('the conflict', async () => {
      await subject.settle();
      return [...subject.table.failures()].some(({ failure }) => failure.kind === 'conflict');
    });
    t.true(socket?.struck);
    t.is((await routesOf(lab.node, 99)).length, 1);
  });
}

test('whatever fails once, the kernel ends up as if nothing had', async t => {
  t.timeout(patience * 20 * 60_000);
  const lab = await createNodeLab(t, 3);
  await lab.node.ip('route', 'add', '192.0.2.200/32', 'via', '10.1.1.2', 'metric', '16', 'proto', '99');
  for (const fault of faults) {
    let socket: FaultySocket | undefined;
    const subject = await program(t, lab, { through: real => (socket = new FaultySocket(real)) });
    socket?.arm(fault);
    try {
      for (const wanted of story) await tell(lab, subject, wanted);
      await tell(lab, subject, []);
    } catch (error) {
      t.fail(`${JSON.stringify(fault)}: ${(error as Error).message}`);
    }
    t.true(socket?.struck, `${JSON.stringify(fault)} never struck`);
    await subject.stop();
  }
  t.is((await routesOf(lab.node, 99)).length, 1);
  t.log(`${faults.length} faults`);
});

test('links that can not be read at start are an error, not an empty node', async t => {
  const lab = await createNodeLab(t, 1);
  const armed = (real: ConstructorParameters<typeof FaultySocket>[0]) => {
    const socket = new FaultySocket(real);
    socket.arm({ what: 'fail', call: 'links', code: 'ENOBUFS' });
    return socket;
  };
  await t.throwsAsync(program(t, lab, { through: armed }), { message: /ENOBUFS/ });
});
