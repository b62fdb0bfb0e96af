import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { mayExportToKernel, whyBirdIsBlind } from '../../lib/agent/preflight.ts';
import { hasNetAdmin } from '../../lib/base/capabilities.ts';
import { createLog } from '../../lib/base/log.ts';
import { renderedMark } from '../../lib/bird/render.ts';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { handSysctls } from '../support/hand-sysctls.ts';
import { createNodeLab } from '../support/node-lab.ts';

test('the capability to change routes is read from the effective set', t => {
  t.true(hasNetAdmin('Name:\tnode\nCapEff:\t0000000000001000\n'));
  t.false(hasNetAdmin('CapPrm:\t0000000000001000\nCapEff:\t0000000000000fff\n'));
});

test('with nexthop groups, BIRD needs a kernel that lists their nexthops', t => {
  const blind = handSysctls({ 'net/ipv4/nexthop_compat_mode': '0' });
  const seeing = handSysctls({ 'net/ipv4/nexthop_compat_mode': '1' });
  t.is(whyBirdIsBlind('multipath', blind), undefined);
  t.is(whyBirdIsBlind('resilient', seeing), undefined);
  const unread = {
    ...seeing,
    read() {
      throw new Error('EMFILE');
    },
  };
  t.is(whyBirdIsBlind('resilient', unread), undefined);
  t.is(whyBirdIsBlind('resilient', blind)?.code, 'FLOCK_BIRD_BLIND');
});

test("with another BIRD's routes in the kernel ours does not export to it, unless configured, or the routes are ours", async t => {
  const { node, lab } = await createNodeLab(t, 1);
  const socket = new RouteSocket({ netns: node.path });
  t.teardown(() => socket.close());
  const birdConfig = join(mkdtempSync(join(tmpdir(), 'flock-preflight-')), 'bird.conf');
  t.teardown(() => rmSync(join(birdConfig, '..'), { recursive: true }));
  const exported = async (kernelExport: string) => {
    const text = JSON.stringify({
      pods: { source: 'directory', path: lab.dir },
      bird: { kernelExport, config: birdConfig },
    });
    const config = parseAgentConfig(text, 'test');
    return mayExportToKernel({ config, socket, log: createLog('silent') });
  };
  t.true(await exported('auto'));
  await node.ip(
    '-6',
    'route',
    'add',
    '2001:db8:1::/48',
    'via',
    'fd00:1:1::2',
    'proto',
    'bird',
    'metric',
    '32',
  );
  t.false(await exported('auto'));
  t.true(await exported('always'));
  t.false(await exported('never'));
  writeFileSync(birdConfig, `${renderedMark}\n`);
  t.true(await exported('auto'));
});
