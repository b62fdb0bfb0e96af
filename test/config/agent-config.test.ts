import test from 'ava';
import type { FlockError } from '../../lib/base/errors.ts';
import { loadAgentConfig, parseAgentConfig } from '../../lib/config/agent-config.ts';
import { describeKeys } from '../../lib/config/config-help.ts';

const minimal = 'pods: { source: directory, path: /pods }';

test('a configuration needs to say where pods come from, and nothing else', t => {
  const config = parseAgentConfig(minimal, 'agent.yaml');
  t.is(config.routes.table, 254);
  t.is(config.routes.metric, 16);
  t.deepEqual(config.routes.protocols, { advertise: 70, hold: 71 });
  t.is(config.bird.mode, 'learn');
  t.true(config.node.name.length > 0);
});

for (const [what, text, named] of [
  ['nothing at all', '', 'pods'],
  ['an unknown key', `${minimal}\ncolour: red`, 'colour'],
  ['an unknown key within', `${minimal}\nroutes: { metrik: 5 }`, 'routes: Unrecognized key: "metrik"'],
  ['a wrong type', `${minimal}\nroutes: { metric: low }`, 'routes.metric'],
  ['a metric of 0, which IPv6 reads back as 1024', `${minimal}\nroutes: { metric: 0 }`, 'routes.metric'],
  ['one protocol for both tags', `${minimal}\nroutes: { protocols: { advertise: 71 } }`, 'must differ'],
  ['an unknown source', 'pods: { source: carrier-pigeon }', 'pods.source'],
  ['a listen address without a port', `${minimal}\nobserve: { listen: localhost }`, 'ADDRESS:PORT'],
  ['text that is not YAML', 'pods: [', 'not YAML'],
] as const) {
  test(`${what} is refused, naming the key`, t => {
    const error = t.throws(() => parseAgentConfig(text, 'agent.yaml'), { code: 'FLOCK_CONFIG_INVALID' });
    t.true(error?.message.startsWith('agent.yaml'), error?.message);
    t.true(error?.message.includes(named), error?.message);
  });
}

test('annotations without pools are refused, and both ways to give some are named', t => {
  const text = (over: object) =>
    JSON.stringify({
      ...{ pods: { source: 'kubernetes' }, allocations: { source: 'annotations' } },
      ...over,
    });
  const error = t.throws(() => parseAgentConfig(text({}), 'agent.yaml'), { code: 'FLOCK_POOLS_MISSING' });
  t.regex((error as FlockError).remedy ?? '', /pools\.path.*nodeConfig\.source: kubernetes/);
  t.is(parseAgentConfig(text({ pools: { path: '/pools' } }), 'agent.yaml').pools.path, '/pools');
  const both = { pools: { path: '/pools' }, nodeConfig: { source: 'kubernetes' } };
  t.throws(() => parseAgentConfig(text(both), 'agent.yaml'), {
    code: 'FLOCK_CONFIG_INVALID',
    message: /pools\.path/,
  });
});

test('a file that can not be read is named', t => {
  t.throws(() => loadAgentConfig('/nowhere/agent.yaml'), {
    code: 'FLOCK_CONFIG_INVALID',
    message: /nowhere\/agent\.yaml/,
  });
});

test('help tells of every key with its default', t => {
  const help = describeKeys();
  for (const key of [
    'pods.source',
    'routes.metric',
    'bird.kernelExport',
    'observe.listen',
    'reconcile.tickMs',
  ]) {
    t.true(help.includes(`  ${key} (`), key);
  }
  t.true(help.includes('routes.metric (integer, default 16)'));
});

test('custom resources need the pods of the same API server', t => {
  const text = (source: string) =>
    JSON.stringify({ pods: { source, path: '/nowhere' }, nodeConfig: { source: 'kubernetes' } });
  t.throws(() => parseAgentConfig(text('directory'), 'agent.yaml'), {
    message: 'agent.yaml: nodeConfig.source: kubernetes needs pods.source: kubernetes',
  });
});
