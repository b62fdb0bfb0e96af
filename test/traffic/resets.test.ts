import test from 'ava';
import type { Request } from './load.ts';
import { resetCauses } from './resets.ts';

const marks = [
  { at: 1000, what: 'web-1a terminating' },
  { at: 2000, what: 'web-1a exits' },
  { at: 3000, what: 'web-1a Ready again' },
];

function reset(at: number, server: string | undefined, outcome = 'open-ECONNRESET'): Request {
  return {
    from: 'client',
    protocol: 'tcp',
    family: 'ipv4',
    sourcePort: 10_000,
    sentAt: at - 20,
    connectedMs: 1,
    tookMs: 20,
    outcome,
    server,
  };
}

const none = { leaving: 0, staying: 0, own: 0, elsewhere: 0, unknown: 0 };

test('a connection of a pod that leaves is told from one of a pod that stays beside it', t => {
  t.deepEqual(resetCauses([reset(1500, 'web-1a')], marks), { ...none, leaving: 1 });
  t.deepEqual(resetCauses([reset(1500, 'web-1b')], marks), { ...none, staying: 1 });
});

test("a client on the pod's own node is told from those whose packets the node forwards", t => {
  const of = (from: string) => resetCauses([{ ...reset(1500, 'web-1b'), from }], marks);
  t.deepEqual(of('node1'), { ...none, own: 1 });
  t.deepEqual(of('node2'), { ...none, staying: 1 });
});

test('a pod that has come back is one that stays, and its coming may move others for a while', t => {
  t.deepEqual(resetCauses([reset(3500, 'web-1a'), reset(3500, 'web-1b')], marks), { ...none, staying: 2 });
});

test('where nobody came or went, it was not the node', t => {
  t.deepEqual(resetCauses([reset(1500, 'web-2a'), reset(900, 'web-1b'), reset(9000, 'web-1b')], marks), {
    ...none,
    elsewhere: 3,
  });
});

test('what nobody had answered is nobody’s, and what was not reset does not count', t => {
  t.deepEqual(resetCauses([reset(1500, undefined), reset(1500, 'web-1b', 'ok')], marks), {
    ...none,
    unknown: 1,
  });
});
