/** Values that must be equal in the manifests and in the program. */
import test from 'ava';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import { passwordFolder } from '../../lib/config/peer.ts';
import { baseManifests, componentManifest } from '../support/manifests.ts';

const daemonSet = (name: string) =>
  baseManifests().find(({ kind, metadata }) => kind === 'DaemonSet' && metadata.name === name);

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
