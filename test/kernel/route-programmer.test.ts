import test from 'ava';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';
import { advertise, everyForm, hold, program } from '../support/program.ts';

for (const [by, groups] of Object.entries(everyForm)) {
  for (const [family, destination] of [
    [4, '192.0.2.53/32'],
    [6, '2001:db8::53/128'],
  ] as const) {
    test(`${by}: IPv${family}: one pod is a plain route, two are one route still, and both are announced`, async t => {
      const lab = await createNodeLab(t, 2);
      const { table, settle } = await program(t, lab, { groups });
      table.want(destination, { nexthops: [lab.nexthop(0, family)] });
      await settle();
      const [one] = await routesOf(lab.node, advertise);
      t.deepEqual(one?.nexthops, [`${lab.nexthop(0, family).via}%p0`]);

      table.want(destination, { nexthops: [lab.nexthop(0, family), lab.nexthop(1, family)] });
      await settle();
      const routes = await routesOf(lab.node, advertise);
      t.is(routes.length, 1);
      t.deepEqual(routes[0]?.nexthops, [
        `${lab.nexthop(0, family).via}%p0`,
        `${lab.nexthop(1, family).via}%p1`,
      ]);
      t.deepEqual([...table.announced], [destination]);
    });

    test(`${by}: IPv${family}: the last pod's leaving withdraws first and removes right behind`, async t => {
      const lab = await createNodeLab(t, 1);
      const { table, pass, settle } = await program(t, lab, { groups });
      table.want(destination, { nexthops: [lab.nexthop(0, family)] });
      await settle();
      table.want(destination, { nexthops: [] });
      t.deepEqual(
        (await pass()).events.map(({ kind }) => kind),
        ['hold'],
      );
      t.is((await routesOf(lab.node, hold)).length, 1);
      t.is(table.announced.size, 0);
      await eventually('the route to be removed', async () => {
        await settle();
        return (await routesOf(lab.node, hold)).length === 0;
      });
      t.is(table.nextDeadline, Number.POSITIVE_INFINITY);
    });

    test(`${by}: IPv${family}: coming back while held is a replace back, never a gap`, async t => {
      const lab = await createNodeLab(t, 1);
      const { table, pass, settle } = await program(t, lab, { groups });
      table.want(destination, { nexthops: [lab.nexthop(0, family)] });
      await settle();
      table.want(destination, { nexthops: [] });
      await pass();
      table.want(destination, { nexthops: [lab.nexthop(0, family)] });
      t.deepEqual(
        (await settle()).map(({ kind }) => kind),
        ['advertise'],
      );
      t.is((await routesOf(lab.node, advertise)).length, 1);
      t.is((await routesOf(lab.node, hold)).length, 0);
    });

    test(`${by}: IPv${family}: another owner's route at our very key is a conflict, kept, and ours follows when it goes`, async t => {
      const lab = await createNodeLab(t, 2);
      await lab.node.ip(
        `-${family}`,
        'route',
        'add',
        destination,
        'via',
        lab.nexthop(1, family).via,
        'metric',
        '16',
        'proto',
        '99',
      );
      const { table, settle, pass } = await program(t, lab, { groups });
      table.want(destination, { nexthops: [lab.nexthop(0, family)] });
      t.deepEqual(
        (await settle()).map(({ kind }) => kind),
        ['conflict'],
      );
      t.is((await routesOf(lab.node, 99)).length, 1);
      t.is(table.announced.size, 0);

      table.want(destination, { nexthops: [] });
      await settle();
      t.is((await routesOf(lab.node, 99)).length, 1);

      table.want(destination, { nexthops: [lab.nexthop(0, family)] });
      await settle();
      await lab.node.ip(`-${family}`, 'route', 'del', destination, 'proto', '99', 'metric', '16');
      await eventually('our route', async () => {
        await pass();
        return (await routesOf(lab.node, advertise)).length === 1;
      });
    });

    test(`${by}: IPv${family}: a pod whose gateway the kernel refuses takes no sibling down`, async t => {
      const lab = await createNodeLab(t, 3);
      const { table, settle } = await program(t, lab, { groups });
      const bad = { ...lab.nexthop(1, family), via: family === 4 ? '10.99.0.1' : 'fd99::1' };
      table.want(destination, { nexthops: [lab.nexthop(0, family), bad, lab.nexthop(2, family)] });
      const events = await settle();
      t.true(events.some(({ kind, message }) => kind === 'fail' && message?.includes('UNREACH')));
      const [route] = await routesOf(lab.node, advertise);
      t.deepEqual(route?.nexthops, [`${lab.nexthop(0, family).via}%p0`, `${lab.nexthop(2, family).via}%p2`]);
      t.is([...table.failures()].length, 1);

      table.want(destination, { nexthops: [lab.nexthop(0, family)] });
      await settle();
      t.is([...table.failures()].length, 0);
    });

    test(`${by}: IPv${family}: where another owner's route is, a pod that the kernel refuses is no reason to try again and again`, async t => {
      const lab = await createNodeLab(t, 2);
      // What is tried again after a while is none of it: no time passes.
      const { table, pass } = await program(t, lab, { groups, now: () => 0 });
      await lab.node.ip('route', 'add', destination, 'via', lab.nexthop(0, family).via, 'metric', '16');
      const bad = { ...lab.nexthop(1, family), via: family === 4 ? '10.99.0.1' : 'fd99::1' };
      table.want(destination, { nexthops: [lab.nexthop(0, family), bad] });
      let requests = 0;
      for (let passes = 0; passes < 50; passes++) requests += (await pass()).requests.length;
      t.true(requests < 8, `${requests} requests in 50 passes`);
      t.false(table.busy);
      t.is([...table.failures()].length, 1);
    });
  }

  test(`${by}: what is right is adopted without a write, and what nobody wants any more is removed`, async t => {
    const lab = await createNodeLab(t, 2);
    const before = await program(t, lab, { groups });
    before.table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0), lab.nexthop(1)] });
    before.table.want('2001:db8::1/128', { nexthops: [lab.nexthop(0, 6), lab.nexthop(1, 6)] });
    before.table.want('192.0.2.2/32', { nexthops: [lab.nexthop(0)] });
    await before.settle();
    before.stop();

    const monitored: string[] = [];
    const monitor = lab.node.spawn('ip', ['-o', 'monitor', 'route'], { stdio: ['ignore', 'pipe', 'ignore'] });
    monitor.stdout?.on('data', (data: Buffer) => monitored.push(data.toString()));
    // Another route each time: to replace one by itself is no change in IPv4, and is not notified.
    let routes = 0;
    await eventually('the monitor to listen', async () => {
      if (monitored.length > 0) return true;
      await lab.node.ip('route', 'add', `198.51.100.${++routes}/32`, 'dev', 'p0');
      return false;
    });

    const { table, settle } = await program(t, lab, { groups });
    table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0), lab.nexthop(1)] });
    table.want('2001:db8::1/128', { nexthops: [lab.nexthop(0, 6), lab.nexthop(1, 6)] });
    await eventually('the stale route to be removed', async () => {
      await settle();
      return (await routesOf(lab.node, hold)).length + (await routesOf(lab.node, advertise)).length === 2;
    });
    t.deepEqual(
      (await routesOf(lab.node, advertise)).map(route => route.destination),
      ['192.0.2.1/32', '2001:db8::1/128'],
    );
    t.notRegex(monitored.join(''), /192\.0\.2\.1\b|2001:db8::1/);
  });

  test(`${by}: a held route that a killed agent left is drained anew and removed, not held for ever`, async t => {
    const lab = await createNodeLab(t, 1);
    await lab.node.ip('route', 'add', '192.0.2.1/32', 'via', '10.1.1.2', 'metric', '16', 'proto', '71');
    const { table, settle } = await program(t, lab, { groups });
    table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0)], holdUntil: performance.now() + 100 });
    await eventually('the removal', async () => {
      await settle();
      return (await routesOf(lab.node, hold)).length === 0;
    });
    t.pass();
  });

  test(`${by}: a route that somebody deletes is heard of and put back`, async t => {
    const lab = await createNodeLab(t, 1);
    const { table, settle, changes } = await program(t, lab, { groups });
    table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0)] });
    await settle();
    const heard = changes();
    await lab.node.ip('route', 'del', '192.0.2.1/32', 'proto', '70');
    await eventually('the deletion to be heard', () => changes() > heard);
    await settle();
    t.is((await routesOf(lab.node, advertise)).length, 1);
  });

  test(`${by}: an interface that does not exist yet is waited for, and siblings do not wait`, async t => {
    const lab = await createNodeLab(t, 1);
    const { table, settle, changes } = await program(t, lab, { groups });
    table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0), lab.nexthop(1)] });
    await settle();
    t.deepEqual((await routesOf(lab.node, advertise))[0]?.nexthops, ['10.1.1.2%p0']);
    const heard = changes();
    await lab.addPod(1);
    await eventually('the interface to be heard of', () => changes() > heard);
    await eventually('both nexthops', async () => {
      await settle();
      return (await routesOf(lab.node, advertise))[0]?.nexthops.length === 2;
    });
  });

  test(`${by}: a veth that goes takes its own nexthop along, and not its siblings'`, async t => {
    const lab = await createNodeLab(t, 3);
    const { table, settle, changes } = await program(t, lab, { groups });
    const all = [0, 1, 2];
    table.want('192.0.2.1/32', { nexthops: all.map(index => lab.nexthop(index)) });
    table.want('2001:db8::1/128', { nexthops: all.map(index => lab.nexthop(index, 6)) });
    await settle();
    const heard = changes();
    await lab.node.ip('link', 'delete', 'p1');
    await eventually('the loss to be heard of', () => changes() > heard);
    await settle();
    const routes = await routesOf(lab.node, advertise);
    t.deepEqual(
      routes.map(({ nexthops }) => nexthops),
      [
        ['10.1.1.2%p0', '10.1.3.2%p2'],
        ['fd00:1:1::2%p0', 'fd00:1:3::2%p2'],
      ],
    );
  });

  test(`${by}: a pass with nothing to do asks the kernel for nothing`, async t => {
    const lab = await createNodeLab(t, 1);
    // No audit becomes due meanwhile.
    const now = () => 1000;
    const { table, settle, pass } = await program(t, lab, { groups, now });
    table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0)] });
    await settle();
    // One of them may be told of a look for shadows.
    const outcomes = [await pass(), await pass()];
    const quiet = outcomes.find(({ shadows }) => shadows === undefined);
    t.deepEqual(quiet, {
      events: [],
      requests: [],
      drift: 0,
      deletions: undefined,
      absent: [],
      shadows: undefined,
    });
    t.false(table.busy);
  });

  test(`${by}: routes of ours that we can never want, by metric or length, are swept; foreign ones stand`, async t => {
    const lab = await createNodeLab(t, 1);
    await lab.node.ipBatch([
      'route add 192.0.2.9/32 via 10.1.1.2 metric 99 proto 70',
      'route add 198.51.100.0/24 via 10.1.1.2 metric 16 proto 70',
      'route add 192.0.2.9/32 via 10.1.1.2 metric 16 proto 99',
    ]);
    const { settle } = await program(t, lab, { groups });
    await settle();
    t.is((await routesOf(lab.node, advertise)).length, 0);
    t.is((await routesOf(lab.node, 99)).length, 1);
  });
}
