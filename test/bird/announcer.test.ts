import test from 'ava';
import { BirdAnnouncer } from '../../lib/bird/announcer.ts';
import type { BirdOutcome } from '../../lib/bird/manager.ts';
import type { NodeConfig } from '../../lib/config/node-config.ts';

/** An announcer with a clock and a BIRD that the test controls. */
function announcer(mode: 'learn' | 'filter') {
  const at = { now: 0 };
  const bird = { applied: true, state: 'applied' as BirdOutcome['state'], asked: 0 };
  const config = { nodeConfig: { bgp: {} } as NodeConfig };
  const subject = new BirdAnnouncer({
    bird: {
      async apply() {
        bird.asked++;
        return { state: bird.state, announced: new Set() };
      },
      isOutOfStep: async () => false,
      modeOf: () => mode,
      status: () => ({ connected: true, version: '2.0.12', applied: bird.applied, lastError: undefined }),
    },
    nodeConfig: { snapshot: () => config.nodeConfig, onChange: () => () => {} },
    clock: { now: () => at.now, after: () => () => {} },
    settleMs: 50,
  });
  const follow = async () => {
    subject.follow(new Set());
    await new Promise(resolve => setImmediate(resolve));
    return bird.asked;
  };
  return { subject, bird, config, at, follow };
}

test('in learn mode a pass soon after the last check of BIRD does not check again, and a later one does', async t => {
  const { at, follow } = announcer('learn');
  t.is(await follow(), 1);
  t.is(await follow(), 1);
  at.now += 999;
  t.is(await follow(), 1);
  at.now += 1;
  t.is(await follow(), 2);
});

test('in learn mode BIRD is configured at once when the node config changes, or when BIRD does not run it', async t => {
  const { bird, config, follow, subject } = announcer('learn');
  await follow();
  config.nodeConfig = { bgp: {} } as NodeConfig;
  t.is(await follow(), 2);
  bird.applied = false;
  t.is(await follow(), 3);
  t.is(await follow(), 4);
  bird.applied = true;
  await subject.learnAlso([]);
  t.is(await follow(), 5);
});

test('what BIRD refused, or did not receive, is applied again in the next pass', async t => {
  const { bird, follow } = announcer('learn');
  for (const state of ['refused', 'unreachable'] as const) {
    bird.state = state;
    const before = await follow();
    t.is(await follow(), before + 1, state);
  }
});

test('in filter mode the active set is applied after every pass', async t => {
  const { follow } = announcer('filter');
  t.is(await follow(), 1);
  t.is(await follow(), 2);
});
