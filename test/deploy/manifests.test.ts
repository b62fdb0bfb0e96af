/** What the manifests and the program have to agree on. */
import test from 'ava';
import { passwordFolder } from '../../lib/sources/peer.ts';
import { baseManifests } from '../support/manifests.ts';

test('the Secret of passwords is mounted where peers look for its keys', t => {
  const agent = baseManifests().find(
    ({ kind, metadata }) => kind === 'DaemonSet' && metadata.name === 'flock-anycast',
  );
  const { containers, volumes } = agent.spec.template.spec;
  const mount = containers[0].volumeMounts.find(
    ({ mountPath }: { mountPath: string }) => mountPath === passwordFolder,
  );
  const volume = volumes.find(({ name }: { name: string }) => name === mount?.name);
  t.is(volume?.secret?.secretName, 'flock-anycast-bgp');
  t.true(mount.readOnly);
});
