import test from 'ava';
import type { Request } from './load.ts';
import { shares, tcpLoss, udpLoss } from './losses.ts';

function request(sentAt: number, over: Partial<Request> = {}): Request {
  return {
    from: 'client',
    protocol: 'udp',
    family: 'ipv4',
    sourcePort: 10_000 + sentAt,
    sentAt,
    connectedMs: 0,
    tookMs: 1,
    outcome: 'ok',
    server: 'web-1a',
    ...over,
  };
}

const every10ms = (count: number, lost: (sentAt: number) => boolean) =>
  Array.from({ length: count }, (_, index) =>
    request(index * 10, lost(index * 10) ? { outcome: 'silent', server: undefined } : {}),
  );

test('without a loss there is no gap', t => {
  t.deepEqual(udpLoss(every10ms(100, () => false)), { sent: 100, lost: 0, longestGapMs: 0 });
  t.deepEqual(udpLoss([]), { sent: 0, lost: 0, longestGapMs: 0 });
});

test('a single loss is a gap of as long as one request takes to follow another', t => {
  t.deepEqual(udpLoss(every10ms(101, at => at === 500)), { sent: 101, lost: 1, longestGapMs: 10 });
});

test('losses close to each other are one gap though others were answered between; distant ones are two', t => {
  const near = udpLoss(every10ms(101, at => at === 300 || at === 350 || at === 400));
  t.deepEqual(near, { sent: 101, lost: 3, longestGapMs: 110 });
  const far = udpLoss(every10ms(101, at => at === 100 || at === 500 || at === 550));
  t.deepEqual(far, { sent: 101, lost: 3, longestGapMs: 60 });
});

test('a connection reset after it stood is told apart from one that was black-holed', t => {
  const tcp = (over: Partial<Request>) => request(0, { protocol: 'tcp', connectedMs: 1, ...over });
  const requests = [
    tcp({}),
    tcp({ outcome: 'open-ECONNRESET' }),
    tcp({ outcome: 'syn-silent', connectedMs: 0 }),
    tcp({ outcome: 'syn-EHOSTUNREACH', connectedMs: 0 }),
    tcp({ outcome: 'open-silent' }),
    tcp({ connectedMs: 1001 }),
  ];
  t.deepEqual(tcpLoss(requests), { connections: 6, unanswered: 4, reset: 1 });
});

test('shares are computed from answered requests', t => {
  const requests = [
    request(0),
    request(1),
    request(2, { server: 'web-1b' }),
    request(3, { outcome: 'silent', server: undefined }),
  ];
  const parts = shares(requests);
  t.is(parts.get('web-1a'), 2 / 3);
  t.is(parts.get('web-1b'), 1 / 3);
  t.is(parts.size, 2);
});
