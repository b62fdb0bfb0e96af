import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { parseAllocationFile } from '../../lib/sources/allocations/allocation.ts';
import * as files from '../../scripts/demo/files.ts';
import { idleBirdConfig, routerBirdConfig } from '../support/anycast-net/bird-configs.ts';
import { nodes, pods } from '../support/anycast-net/plan.ts';
import { birdProgram } from '../support/bird.ts';

const paths: files.NodePaths = {
  agentConfig: '/demo/agent.yaml',
  nodeConfig: '/demo/node-config.yaml',
  allocations: '/demo/allocations.json',
  state: '/demo/state.json',
  pods: '/demo/pods',
  birdConfig: '/demo/bird.conf',
  birdSocket: '/demo/bird.ctl',
};

test("the agent accepts the demo's configuration of every node", t => {
  for (const node of nodes) {
    const config = parseAgentConfig(files.agentConfig(node, paths), 'agent.yaml');
    t.is(config.node.name, node.name);
    t.deepEqual(config.pods, { source: 'directory', path: paths.pods });
    const nodeConfig = parseNodeConfig(files.nodeConfig(node), 'node-config.yaml');
    t.is(nodeConfig.bgp.localAsn, node.asn);
    t.is(nodeConfig.bgp.peers.length, 2);
  }
});

test("every pod of the demo has a committed allocation at its node's", t => {
  const allocated = nodes.flatMap(node => {
    const file = parseAllocationFile(files.allocationsFile(node), 'allocations.json');
    t.deepEqual(file.unusable, []);
    return [...file.allocations.values()];
  });
  t.deepEqual(
    allocated.map(({ name }) => name),
    pods.map(({ name }) => name),
  );
  t.true(allocated.every(({ state }) => state === 'committed'));
});

test("BIRD accepts the demo's configurations", t => {
  const folder = mkdtempSync(join(tmpdir(), 'flock-demo-files-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const config of [routerBirdConfig(), ...nodes.map(idleBirdConfig)]) {
    const file = join(folder, 'bird.conf');
    writeFileSync(file, config);
    t.notThrows(() => execFileSync(birdProgram('bird'), ['-p', '-c', file], { stdio: 'pipe' }));
  }
});
