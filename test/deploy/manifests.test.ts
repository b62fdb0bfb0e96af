/** Values that must be equal in the manifests and in the program. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import { passwordFolder } from '../../lib/config/peer.ts';
import { baseManifests, componentManifest } from '../support/manifests.ts';

const run = promisify(execFile);

const daemonSet = (name: string) =>
  baseManifests().find(({ kind, metadata }) => kind === 'DaemonSet' && metadata.name === name);

test('manifests, Dockerfile and documentation name the images of this version', async t => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const { stdout } = await run(
    'grep',
    ['-rohE', '(flock-anycast(-bird)?:|newTag: )[0-9][-.0-9a-z]*', 'deploy', 'docs'],
    {
      cwd: root,
    },
  );
  const named = stdout.trimEnd().split('\n');
  t.true(named.length >= 6);
  t.deepEqual(
    named.filter(each => !each.endsWith(version)),
    [],
    'npm version writes them: scripts/set-version',
  );
});

test('the Secret of passwords is mounted where peers look for its keys', t => {
  const { containers, volumes } = daemonSet('flock-anycast').spec.template.spec;
  const mount = containers[0].volumeMounts.find(
    ({ mountPath }: { mountPath: string }) => mountPath === passwordFolder,
  );
  const volume = volumes.find(({ name }: { name: string }) => name === mount?.name);
  t.is(volume?.secret?.secretName, 'flock-anycast-bgp');
  t.true(mount.readOnly);
});

test('the PodMonitor selects the agents, not BIRD, and names a port that its patch gives them', t => {
  const { spec } = componentManifest('pod-monitor', 'podmonitor.yaml');
  const selects = (name: string) => {
    const { labels } = daemonSet(name).spec.template.metadata;
    return Object.entries(spec.selector.matchLabels).every(([key, value]) => labels[key] === value);
  };
  t.true(selects('flock-anycast'));
  t.false(selects('flock-anycast-bird'));
  const { ports } = componentManifest('pod-monitor', 'agent.yaml').spec.template.spec.containers[0];
  t.is(ports[0].name, spec.podMetricsEndpoints[0].port);
  t.is(spec.podMetricsEndpoints[0].path, '/metrics');
  const config = componentManifest('pod-monitor', 'configuration.yaml').data['agent.yaml'];
  const { listen } = parseAgentConfig(config, 'agent.yaml').observe;
  t.is(listen, `[::]:${ports[0].containerPort}`);
});

test("the PodMonitor's configuration is the base's but for where the agent listens", t => {
  const base = baseManifests().find(({ kind }) => kind === 'ConfigMap').data['agent.yaml'];
  const monitored = componentManifest('pod-monitor', 'configuration.yaml').data['agent.yaml'];
  const without = (text: string) => text.replace(/^ *listen: .*$/m, '');
  t.is(without(monitored), without(base));
});
