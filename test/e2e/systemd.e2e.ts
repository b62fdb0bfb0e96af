/** The agent with only the system calls and capabilities that its systemd unit allows, by runc instead of systemd. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { layOutAgent, writeAllocations, writeFileAtomically, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { Container } from '../support/container.ts';
import { containerConfig } from '../support/container-config.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';
import { confinementOf } from '../support/unit-confinement.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const unit = join(checkout, 'deploy/systemd/flock-anycast.service');

test("the agent routes a pod, configures BIRD and ends without an error under the unit's restrictions", async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { observe: { listen: '127.0.0.1:9470' } });
  const tree = join(lab.lab.dir, 'root');
  mkdirSync(tree);
  const { capabilities, seccomp } = confinementOf(unit);
  const config = containerConfig(
    {
      command: [process.execPath, join(checkout, 'dist/cli.js'), 'run', '--config', files.config],
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'], add: capabilities },
      },
    },
    {
      image: { tree, entrypoint: [], env: [] },
      env: [],
      // The machine's own programs, as the unit has them.
      mounts: [
        ...['/usr', '/lib', '/lib64', checkout].map(path => ({
          source: path,
          destination: path,
          readOnly: true,
        })),
        { source: files.folder, destination: files.folder, readOnly: false },
      ],
      network: lab.node.path,
      cgroup: `/flock-test/${lab.node.name}`,
    },
  );
  config.linux.seccomp = seccomp;
  // The unit has no ProtectKernelTunables.
  config.linux.readonlyPaths = config.linux.readonlyPaths.filter((path: string) => path !== '/proc/sys');
  await lab.node.sysctl({ 'net.ipv4.ip_forward': 0 });
  const container = new Container(join(lab.lab.dir, 'runc'), lab.node.name, config);
  t.teardown(() => container.removeNow());
  await container.said('"event":"started"');
  t.is((await container.status()).Seccomp, '2', 'filtered');

  writeAllocations(files, [
    {
      ...{ namespace: 'default', name: 'dns', uid: 'dns', hostInterface: 'p0', state: 'committed' },
      ...{ ipv4: lab.nexthop(0).via, anycast: ['192.0.2.53'] },
    },
  ]);
  writePod(files, 'dns', { ready: true });
  await eventually('the route', async () => (await routesOf(lab.node, 70)).length === 1);
  t.is(await lab.node.exec('sysctl', '-n', 'net.ipv4.ip_forward'), '1\n', 'the agent may set it');
  const bgp = { localAsn: 64512, routerId: '192.0.2.11', peers: [] };
  writeFileAtomically(files.nodeConfig, JSON.stringify({ bgp }));
  await container.said('wrote the configuration for a BIRD that is not running');
  const { birdConfig: configPath, birdSocket: socketPath } = files;
  await startBird(lab.node, { name: 'bird', configPath, socketPath });
  await container.said('BIRD is reachable again and runs the configuration');

  await container.kill('TERM');
  t.is(await container.exit, 0, container.output);
});
