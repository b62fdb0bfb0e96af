/** The overlays, by the kubectl of today and by one of 2021, which knows other names for two of their fields. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import type { ApiObject } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { type Kubectl, kubectlOf } from '../support/kubectl.ts';
import { eventually } from '../support/lab.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test);
const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
let server: KubeApiServer;
let today: Kubectl;
let old: Kubectl;

test.before(async t => {
  server = await start(t);
  today = await kubectlOf('sid', server.kubeconfigPath);
  old = await kubectlOf('bookworm', server.kubeconfigPath);
});

/** The overlay of a copy of deploy/, its kustomization changed. */
function changed(copy: string, overlay: string, ...changes: [from: string, to: string][]): string {
  const folder = join(dir, copy, 'overlays', overlay);
  cpSync(deploy, join(dir, copy), { recursive: true });
  const file = join(folder, 'kustomization.yaml');
  let text = readFileSync(file, 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    text = text.replace(from, to);
  }
  writeFileSync(file, text);
  return folder;
}

/** What docs/install.md says that a kubectl before 1.21 wants. */
const forOld = {
  example: () =>
    changed(
      'old-example',
      'example',
      ['\nresources:', '\nbases:'],
      ['\npatches:\n  - path: sysctls.yaml', '\npatchesStrategicMerge: [sysctls.yaml]'],
    ),
  cel: () => changed('old-cel', 'cel', ['\nresources:', '\nbases:'], ['\npatches:', '\npatchesJson6902:']),
};

const objectsOf = (text: string): ApiObject[] =>
  parseAllDocuments(text)
    .map(document => document.toJS())
    .toSorted((left: ApiObject, right: ApiObject) => (idOf(left) < idOf(right) ? -1 : 1));
const idOf = ({ kind, metadata }: ApiObject) => `${kind} ${metadata.namespace} ${metadata.name}`;

for (const overlay of ['example', 'cel'] as const) {
  test.serial(
    `overlays/${overlay}: today's kubectl builds it without a warning, and an old one the same`,
    async t => {
      const built = await today('kustomize', join(deploy, 'overlays', overlay));
      t.is(built.stderr, '');
      const objects = objectsOf(built.stdout);
      t.true(objects.length > 8, `${objects.length}`);
      t.deepEqual(objectsOf((await old('kustomize', forOld[overlay]())).stdout), objects);
    },
  );
}

test.serial('with the component for the Prometheus operator too', async t => {
  const folder = changed('monitored', 'example', ['# components:', 'components:']);
  const { stdout, stderr } = await today('kustomize', folder);
  t.is(stderr, '');
  t.true(objectsOf(stdout).some(({ kind }) => kind === 'PodMonitor'));
});

test.serial('both apply the example at a server, and neither is warned', async t => {
  const first = await today('apply', '--server-side', '-k', join(deploy, 'overlays/example'));
  t.is(first.stderr, '');
  t.true(
    first.stdout
      .trim()
      .split('\n')
      .every(line => line.endsWith(' serverside-applied')),
    first.stdout,
  );
  const second = await old('apply', '--server-side', '-k', join(dir, 'old-example/overlays/example'));
  t.is(second.stderr, '');
  const path = '/apis/apps/v1/namespaces/flock-anycast/daemonsets/flock-anycast';
  const { spec } = await server.request('GET', path);
  t.is(spec.template.spec.initContainers[0].image, 'registry.example/flock-anycast-bird:0.1.0');
  const custom = '/apis/anycast.flock-anycast.io/v1alpha1/nodeconfigs';
  await eventually('the custom resources to be served', () => server.request('GET', custom));
});
