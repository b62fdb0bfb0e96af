/** Notifications of the kernel are lost: links are read again before anything is planned with them. */
import test, { type ExecutionContext } from 'ava';
import type { PathChange } from '../../lib/base/address-path.ts';
import { createLog } from '../../lib/base/log.ts';
import { KernelPaths } from '../../lib/kernel/lookups/kernel-paths.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { FaultySocket } from '../support/faulty-socket.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { advertise, program } from '../support/program.ts';

const destination = '192.0.2.1/32';
const failing = { what: 'fail', call: 'links', code: 'ENOBUFS' } as const;
/** `IFF_LOWER_UP` of netdevice(7): the last that is notified of a veth that comes up. */
const lowerUp = 0x10000;

async function createFaulty(t: ExecutionContext, podCount: number) {
  const lab = await createNodeLab(t, podCount);
  const sockets: FaultySocket[] = [];
  const through = (real: RouteSocket) => {
    const socket = new FaultySocket(real);
    sockets.push(socket);
    return socket;
  };
  const subject = await program(t, lab, { through });
  const nexthops = [lab.nexthop(0), lab.nexthop(1)];
  subject.table.want(destination, { nexthops });
  await subject.settle();
  const leads = async () => (await routesOf(lab.node, advertise))[0]?.nexthops;
  return { lab, subject, socket: sockets[0] as FaultySocket, leads };
}

/** Pod 1 comes, and nothing of it is heard. @returns what ends the loss */
async function addPodUnheard(lab: NodeLab, socket: FaultySocket): Promise<() => void> {
  const { lost, end } = socket.loseNotifications();
  await lab.addPod(1);
  await eventually('the interface to be up', () =>
    lost.some(({ links }) => links.some(({ name, flags }) => name === 'p1' && (flags & lowerUp) !== 0)),
  );
  return end;
}

/** Interface p1 goes, and nothing of it is heard. @returns what ends the loss */
async function removePodUnheard(lab: NodeLab, socket: FaultySocket): Promise<() => void> {
  const { lost, end } = socket.loseNotifications();
  await lab.node.ip('link', 'delete', 'p1');
  await eventually('the interface to be gone', () =>
    lost.some(({ links }) => links.some(({ name, gone }) => name === 'p1' && gone)),
  );
  return end;
}

test('the first pass after an overrun plans with the links that are there', async t => {
  const { lab, subject, socket, leads } = await createFaulty(t, 2);
  const end = await removePodUnheard(lab, socket);
  const before = subject.changes();
  end();
  const { events } = await subject.pass();
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['advertise'],
  );
  t.is(subject.changes(), before + 1, 'one pass is asked for');
  t.deepEqual(await leads(), ['10.1.1.2%p0']);
});

test('links that can not be read after an overrun are read by the next pass', async t => {
  const { lab, subject, socket, leads } = await createFaulty(t, 1);
  const end = await addPodUnheard(lab, socket);
  socket.arm(failing);
  end();
  await t.throwsAsync(subject.pass(), { message: /ENOBUFS/ });
  t.deepEqual(await leads(), ['10.1.1.2%p0'], 'what is programmed stays');
  t.true(subject.table.busy);
  await subject.settle();
  t.deepEqual(await leads(), ['10.1.1.2%p0', '10.1.2.2%p1']);
});

test('an audit finds an interface that was never heard of', async t => {
  const { lab, subject, socket, leads } = await createFaulty(t, 1);
  await addPodUnheard(lab, socket);
  await eventually('the audit', async () => {
    await subject.settle();
    return (await leads())?.length === 2;
  });
  t.deepEqual(await leads(), ['10.1.1.2%p0', '10.1.2.2%p1']);
});

test('paths are looked up again after an overrun when links could be read again, however often that fails', async t => {
  const lab = await createNodeLab(t, 1);
  const real = new RouteSocket({ netns: lab.node.path });
  t.teardown(() => real.close());
  const socket = new FaultySocket(real);
  const retries: (() => void)[] = [];
  const clock = {
    after(_: number, callback: () => void) {
      retries.push(callback);
      return () => {};
    },
  };
  const paths = new KernelPaths({ socket, log: createLog('silent'), clock });
  t.teardown(() => paths.stop());
  const changes: PathChange[] = [];
  await paths.start(change => changes.push(change));
  const end = await addPodUnheard(lab, socket);
  t.false(paths.isUsable('p1'));
  for (const failures of [1, 2]) {
    socket.arm({ ...failing });
    if (failures === 1) end();
    else retries.pop()?.();
    await eventually('the retry to be scheduled', () => retries.length === 1);
    t.false(changes.some(({ everything }) => everything));
  }
  retries.pop()?.();
  await eventually('the look-up', () => changes.some(({ everything }) => everything));
  t.true(paths.isUsable('p1'));
  t.deepEqual(await paths.find(['10.1.2.2']), [{ kind: 'neighbour', interface: 'p1' }]);
});
