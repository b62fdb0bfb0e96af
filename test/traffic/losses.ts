/** Computes the losses of a scenario from single requests. Pure. */
import type { Request } from './load.ts';

export interface UdpLoss {
  sent: number;
  lost: number;
  /** Milliseconds of the longest stretch of losses: none of them further than `stretchMs` from the one before. */
  longestGapMs: number;
}

export interface TcpLoss {
  connections: number;
  /** A black hole: the SYN got no answer, or one after a second only, or the connection fell silent. */
  unanswered: number;
  /** Reset after it stood: its hash bucket moved, and the pod it came to does not know it. */
  reset: number;
}

const stretchMs = 100;
/** The kernel sends a SYN again after a second. */
const synAgainMs = 950;

export function udpLoss(requests: readonly Request[]): UdpLoss {
  const lost = requests
    .filter(isBlackHoled)
    .map(({ sentAt }) => sentAt)
    .sort((left, right) => left - right);
  let longestGapMs = 0;
  let begin = lost[0] ?? 0;
  for (const [index, at] of lost.entries()) {
    if (at - (lost[index - 1] ?? at) > stretchMs) begin = at;
    // A single loss is a gap of as long as it takes until the next request is sent.
    longestGapMs = Math.max(longestGapMs, at - begin + meanIntervalMs(requests));
  }
  return { sent: requests.length, lost: lost.length, longestGapMs: Math.round(longestGapMs * 10) / 10 };
}

export function tcpLoss(requests: readonly Request[]): TcpLoss {
  const reset = requests.filter(isReset).length;
  return { connections: requests.length, unanswered: requests.filter(isBlackHoled).length, reset };
}

/** Whether a request, or a connection, was lost on the way. */
export function isBlackHoled({ outcome, connectedMs }: Request): boolean {
  return outcome.startsWith('open-')
    ? outcome === 'open-silent'
    : outcome !== 'ok' || connectedMs > synAgainMs;
}

/** Whether a connection was reset after it stood. */
export function isReset({ outcome }: Request): boolean {
  return outcome.startsWith('open-') && outcome !== 'open-silent';
}

/** How many requests each pod answered, as parts of one. */
export function shares(requests: readonly Request[]): Map<string, number> {
  const answered = requests.filter(({ outcome }) => outcome === 'ok');
  const counts = new Map<string, number>();
  for (const { server = '' } of answered) counts.set(server, (counts.get(server) ?? 0) + 1);
  return new Map([...counts].map(([server, count]) => [server, count / answered.length]));
}

function meanIntervalMs(requests: readonly Request[]): number {
  const times = requests.map(({ sentAt }) => sentAt);
  const span = times.reduce((max, at) => Math.max(max, at), 0) - times.reduce((min, at) => Math.min(min, at));
  return requests.length > 1 ? span / (requests.length - 1) : 0;
}
