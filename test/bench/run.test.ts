/** The benchmark itself, with the smallest plan, on the real kernel. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { choose } from '../../bench/choice.ts';
import { Field, operations } from '../../bench/field.ts';
import { parts } from '../../bench/parts.ts';
import { allPeers } from '../../bench/peers/all.ts';
import { quickPlan } from '../../bench/plan.ts';
import { run } from '../../bench/run.ts';
import { routes } from '../../bench/workloads/routes.ts';
import { eventually } from '../support/lab.ts';

const needsKernel = process.env.FLOCK_TEST_UNPRIVILEGED === undefined ? test : test.skip;
const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'flock-bench-test-'));
test.after.always(() => rmSync(temporary, { recursive: true, force: true }));
const quiet = () => ({ part() {}, step() {}, stop() {} });

needsKernel(
  'what the floor and we, with groups and without, are asked for is in the kernel afterwards, counted by a dump',
  async t => {
    const field = await Field.create(t);
    for (const name of ['floor', 'ours', 'groups']) {
      const [peer] = allPeers.filter(each => each.name === name);
      for (const family of [4, 6] as const) {
        const cell = { family, nexthops: 2, destinations: 300 };
        const worker = await peer?.open(field, cell);
        const counts: Record<string, number[]> = {};
        for (const operation of operations) {
          t.true(((await worker?.perform(operation)) ?? 0) > 0);
          counts[operation] = await field.count(family);
        }
        t.deepEqual(counts, { add: [300, 0], replace: [0, 300], noop: [0, 300], delete: [0, 0] }, name);
        await worker?.close();
      }
    }
    await t.throwsAsync(field.verify('add', { family: 4, nexthops: 1, destinations: 1 }), {
      message: /holds 0 \+ 0 routes, not 1 \+ 0/,
    });
  },
);

needsKernel('a run gives a row for each peer, operation, family and listener', async t => {
  const plan = { ...quickPlan, rounds: 2, nexthops: [1], destinations: [50] };
  const { rows, goals } = await run({
    ...{ plan, parts: [routes], progress: quiet, signal: new AbortController().signal },
    peers: allPeers.filter(({ name }) => ['floor', 'ours', 'ip'].includes(name)),
  });
  // Three with nobody listening, two with a listener.
  t.is(rows.length, (3 + 2) * operations.length * 2);
  for (const { rounds, medianUsPerRoute, ratioToFloor } of rows) {
    t.is(rounds, 2);
    t.true(medianUsPerRoute > 0);
    t.true((ratioToFloor ?? 0) > 0);
  }
  t.not(goals.find(({ goal }) => goal.startsWith('apply of 10,000 IPv4'))?.measured, null);
});

test('a peer that is not installed is left out and named, and the others run', async t => {
  const absent = {
    ...(allPeers[0] as (typeof allPeers)[number]),
    name: 'absent',
    missing: async () => 'no such thing',
  };
  const { skipped } = await run({
    ...{ plan: quickPlan, parts: [], peers: [absent], progress: quiet, signal: new AbortController().signal },
  });
  t.deepEqual(skipped, [{ what: 'absent', why: 'no such thing' }]);
});

test('an interrupted run stops everything that it started', async t => {
  const stop = new AbortController();
  let ended = 0;
  const running = run({
    plan: quickPlan,
    peers: [],
    progress: quiet,
    signal: stop.signal,
    parts: [
      {
        name: 'long',
        what: '',
        steps: () => 2,
        async run({ host, step }) {
          host.teardown(() => ended++);
          stop.abort(new Error('enough'));
          step('never');
        },
      },
    ],
  });
  await t.throwsAsync(running, { message: 'enough' });
  t.is(ended, 1);
});

needsKernel('Ctrl-C in the middle of the work leaves no namespace and no folder behind', async t => {
  const child = spawn(process.execPath, [main, '--quick', '--only', 'routes', 'loop'], {
    stdio: 'ignore',
    env: { ...process.env, TMPDIR: temporary },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const mine = async () => {
    const { stdout } = await promisify(execFile)('ip', ['netns', 'list']);
    return stdout.match(new RegExp(`^fa${child.pid}-\\d+-\\w+`, 'gm')) ?? [];
  };
  await eventually('its namespaces', async () => (await mine()).length === 2);
  await eventually('its folder', () => readdirSync(temporary).some(name => name.startsWith('flock-lab-')));
  child.kill('SIGINT');
  t.deepEqual(await once(child, 'exit'), [130, null]);
  t.deepEqual(await mine(), []);
  t.deepEqual(readdirSync(temporary), []);
});

test('--only selects parts, peers or both; a peer alone selects the table of routes', t => {
  const names = (only: string[]) => {
    const chosen = choose(only, parts, allPeers);
    return [chosen.parts.map(({ name }) => name), chosen.peers.map(({ name }) => name)];
  };
  t.deepEqual(names(['churn']), [['churn'], allPeers.map(({ name }) => name)]);
  t.deepEqual(names(['go']), [['routes'], ['floor', 'go']]);
  t.deepEqual(names(['routes', 'flip', 'ip']), [
    ['routes', 'flip'],
    ['floor', 'ip'],
  ]);
  t.deepEqual(
    names([])[0],
    parts.map(({ name }) => name),
  );
  t.throws(() => choose(['chrun'], parts, allPeers), {
    message: /--only chrun: no such part or peer; choose from routes, /,
  });
});
