import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { IdentityMemory } from '../../lib/ownership/identity-memory.ts';
import { layOutAgent, startAgent, writeAllocations } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

const one = { table: 254, metric: 16, protocols: { advertise: 70, hold: 71 } };
const other = { table: 100, metric: 16, protocols: { advertise: 70, hold: 71 } };

function statePath(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flock-state-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'deep', 'state.json');
}

async function loaded(path: string): Promise<IdentityMemory> {
  const memory = new IdentityMemory(path);
  await memory.load();
  return memory;
}

test('identities are remembered after a restart, in the order of first use, each once', async t => {
  const path = statePath(t);
  const memory = await loaded(path);
  for (const key of [one, other, one]) await memory.remember(key);
  t.deepEqual((await loaded(path)).identities, [one, other]);
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { version: 1, keys: [one, other] });
});

test('a forgotten identity stays forgotten; with the last one the file is deleted', async t => {
  const path = statePath(t);
  const memory = await loaded(path);
  await memory.remember(one);
  await memory.remember(other);
  await memory.forget([one]);
  t.deepEqual((await loaded(path)).identities, [other]);
  await memory.forget([other]);
  t.deepEqual(readdirSync(join(path, '..')), []);
});

for (const [what, text, named] of [
  ['cut short', '{"version":1,"keys":[{"table"', 'not JSON'],
  ['empty', '', 'not JSON'],
  ['of a later version', '{"version":2,"keys":[]}', 'version: must be 1'],
  [
    "naming DHCP's number",
    JSON.stringify({ version: 1, keys: [{ ...one, protocols: { advertise: 16, hold: 71 } }] }),
    'keys.0.protocols.advertise: 16 is the number of dhcp',
  ],
  [
    "naming the kernel's own number",
    JSON.stringify({ version: 1, keys: [{ ...one, protocols: { advertise: 2, hold: 71 } }] }),
    'keys.0.protocols.advertise',
  ],
  [
    'of metric 0, which is any',
    JSON.stringify({ version: 1, keys: [{ ...one, metric: 0 }] }),
    'keys.0.metric',
  ],
] as const) {
  test(`a file ${what} is refused and not changed`, async t => {
    const path = statePath(t);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    const error = await t.throwsAsync(loaded(path), { code: 'FLOCK_STATE_INVALID' });
    t.true(error?.message.includes(named), error?.message);
    t.is(readFileSync(path, 'utf8'), text);
  });
}

test('an agent renames an invalid state file, reports that, serves its pods, and deletes no route', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  writeAllocations(files, []);
  const text = '{"version":1,"keys":[{"table":254,"metric":9,"protocols":{"advertise":80';
  writeFileSync(files.state, text);
  await lab.node.ip('route', 'add', '192.0.2.1/32', 'via', '10.1.1.2', 'metric', '9', 'proto', '80');
  const agent = startAgent(lab.node, files);
  await agent.logged('is not JSON');
  await agent.logged('moved the invalid state file to');
  await agent.logged('in sync');
  const [aside] = readdirSync(files.folder).filter(name => name.startsWith('state.json.broken-'));
  t.is(readFileSync(join(files.folder, aside ?? ''), 'utf8'), text);
  t.deepEqual(JSON.parse(readFileSync(files.state, 'utf8')).keys, [one]);
  t.is((await routesOf(lab.node, 80)).length, 1);
});

test('an agent that can not write its state file reports that, and serves its pods', async t => {
  const lab = await createNodeLab(t, 1);
  const folder = join(lab.lab.dir, 'agent');
  // A file in the place of the folder: root may write everywhere else.
  const path = join(folder, 'agent.json', 'state.json');
  const files = layOutAgent(folder, { state: { path } });
  writeAllocations(files, []);
  const agent = startAgent(lab.node, files);
  await agent.logged(`can not write ${path}`);
  await agent.logged('in sync');
  t.pass();
});

test('the identity is on disk before its first route', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  const agent = startAgent(lab.node, files);
  await eventually('the state file', () => readFileSync(files.state, 'utf8').includes('"metric": 16'));
  t.false(
    agent.lines.some(({ event }) => event?.includes('in sync')),
    'there is no allocation file yet',
  );
});
