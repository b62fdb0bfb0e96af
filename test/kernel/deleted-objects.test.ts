/** Another program deletes our nexthop objects, as systemd-networkd does with those of others at a new interface. */
import test from 'ava';
import { FaultySocket } from '../support/faulty-socket.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { advertise, everyForm, program } from '../support/program.ts';

const four = Array.from({ length: 100 }, (_, index) => `192.0.2.${index + 1}/32`);
const six = Array.from({ length: 100 }, (_, index) => `2001:db8::${(index + 1).toString(16)}/128`);
const bad = ['fail', 'conflict', 'contested'];

async function isWhole({ node }: NodeLab): Promise<boolean> {
  const routes = await routesOf(node, advertise);
  return (
    routes.length === four.length + six.length &&
    routes.every(({ nexthops }) => nexthops.length === 2 && nexthops[0]?.endsWith('%p0'))
  );
}

/** A program's socket that can lose notifications. */
function faultySocket() {
  let made: FaultySocket | undefined;
  return {
    through: (socket: ConstructorParameters<typeof FaultySocket>[0]) => {
      made = new FaultySocket(socket);
      return made;
    },
    faulty: () => made as FaultySocket,
  };
}

for (const [words, groups] of Object.entries(everyForm).filter(([, form]) => form !== undefined)) {
  test(`${words}: what is deleted is put back at once, as often as it happens, and nothing is called refused`, async t => {
    const lab = await createNodeLab(t, 2);
    const { table, settle, events } = await program(t, lab, { groups, follow: true });
    for (const [family, destinations] of [
      [4, four],
      [6, six],
    ] as const) {
      for (const destination of destinations)
        table.want(destination, { nexthops: [0, 1].map(index => lab.nexthop(index, family)) });
    }
    await settle();
    t.true(await isWhole(lab));
    const protocol = ['proto', `${advertise}`];
    for (let round = 0; round < 8; round++) {
      const objects = await lab.node.ipJson<{ id: number; group?: object }[]>('nexthop', 'show', ...protocol);
      const groupIds = objects.filter(({ group }) => group !== undefined).map(({ id }) => id);
      if (round % 2 === 0) await lab.node.ip('nexthop', 'flush', ...protocol);
      // What systemd-networkd 252 deletes: objects without an interface.
      else await lab.node.ipBatch(groupIds.map(id => `nexthop del id ${id}`));
      await eventually('every route to be back', () => isWhole(lab));
    }
    t.deepEqual(
      events.filter(({ kind }) => bad.includes(kind)),
      [],
    );
  });
}

test('a nexthop that has gone unheard is found missing when its group is written, and that is no refusal', async t => {
  const lab = await createNodeLab(t, 3);
  const { through, faulty } = faultySocket();
  const { table, settle } = await program(t, lab, { groups: everyForm['by groups'], through });
  const want = (...pods: number[]) => {
    for (const destination of four) table.want(destination, { nexthops: pods.map(pod => lab.nexthop(pod)) });
  };
  want(0, 1);
  await settle();
  const { lost } = faulty().loseNotifications();
  const [first] = await lab.node.ipJson<{ id: number }[]>('nexthop', 'show', 'dev', 'p0');
  await lab.node.ip('nexthop', 'del', 'id', `${first?.id}`);
  await eventually('the deletion to be notified', () => lost.length > 0);
  want(0, 1, 2);
  const events = await settle();
  t.deepEqual(
    events.filter(({ kind }) => bad.includes(kind)),
    [],
  );
  const routes = await routesOf(lab.node, advertise);
  t.is(routes.length, four.length);
  t.true(routes.every(({ nexthops }) => nexthops.length === 3));
});

test('what a reading finds deleted is put back as often, and each route has no line of its own', async t => {
  const lab = await createNodeLab(t, 1);
  const { through, faulty } = faultySocket();
  const { table, settle, events } = await program(t, lab, { groups: everyForm['by groups'], through });
  for (const destination of four) table.want(destination, { nexthops: [lab.nexthop(0)] });
  await settle();
  for (let round = 0; round < 8; round++) {
    const { end } = faulty().loseNotifications();
    const objects = await lab.node.ipJson<{ id: number; group?: object }[]>('nexthop', 'show', 'proto', '70');
    const group = objects.find(each => each.group !== undefined)?.id;
    await lab.node.ip('nexthop', 'del', 'id', `${group}`);
    end();
    await settle();
    t.is((await routesOf(lab.node, advertise)).length, four.length);
  }
  t.deepEqual(
    events.filter(({ kind }) => bad.includes(kind)),
    [],
  );
});
