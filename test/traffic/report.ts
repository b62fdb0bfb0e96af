/** What the scenarios cost, side by side: lines while they are played, and a record in the end. */
import { styleText } from 'node:util';
import type { Request } from './load.ts';
import { isBlackHoled, type TcpLoss, tcpLoss, type UdpLoss, udpLoss } from './losses.ts';
import type { Performance } from './perform.ts';

export interface Row extends UdpLoss {
  name: string;
  family: 'ipv4' | 'ipv6';
  tcp: TcpLoss;
  original: UdpLoss & { tcp: TcpLoss };
}

export function rowsOf(name: string, ours: Performance, original: Performance): Row[] {
  return (['ipv4', 'ipv6'] as const).map(family => ({
    name,
    family,
    ...costOf(ours.requests, family),
    original: costOf(original.requests, family),
  }));
}

function costOf(requests: readonly Request[], family: 'ipv4' | 'ipv6'): UdpLoss & { tcp: TcpLoss } {
  const of = (protocol: 'udp' | 'tcp') =>
    requests.filter(request => request.protocol === protocol && request.family === family);
  return { ...udpLoss(of('udp')), tcp: tcpLoss(of('tcp')) };
}

const headings = ['scenario', 'family', 'sent', 'lost', 'gap', 'tcp', 'original: sent', 'lost', 'gap', 'tcp'];

/** The whole as Markdown. TCP is `black-holed + reset / connections`. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map(row => [row.name, row.family, ...cells(row), ...cells(row.original)]);
  return [headings, headings.map(() => '---'), ...lines].map(line => `| ${line.join(' | ')} |`).join('\n');
}

function cells({ sent, lost, longestGapMs, tcp }: UdpLoss & { tcp: TcpLoss }): string[] {
  const gap = lost === 0 ? '–' : `${longestGapMs} ms`;
  return [`${sent}`, `${lost}`, gap, `${tcp.unanswered} + ${tcp.reset} / ${tcp.connections}`];
}

/** What was black-holed, by where it came from and what went wrong, each group with when and after what it began. */
export function explainLosses({ requests, marks }: Performance): string[] {
  const groups = new Map<string, Request[]>();
  for (const request of requests) {
    if (!isBlackHoled(request)) continue;
    const outcome = request.outcome === 'ok' ? 'SYN sent again' : request.outcome;
    const key = `${request.protocol} ${request.family} from ${request.from}: ${outcome}`;
    groups.set(key, [...(groups.get(key) ?? []), request]);
  }
  return [...groups].map(([key, lost]) => `${lost.length} ${key}${timesOf(lost, marks)}`);
}

function timesOf(lost: readonly Request[], marks: Performance['marks']): string {
  const parts = new Map<string, number[]>();
  for (const { sentAt } of lost) {
    const mark = marks.findLast(({ at }) => at <= sentAt);
    const what = mark?.what ?? 'the start';
    parts.set(what, [...(parts.get(what) ?? []), sentAt - (mark?.at ?? sentAt)]);
  }
  return [...parts]
    .map(([what, after]) => {
      const range = `${Math.min(...after).toFixed(1)} to ${Math.max(...after).toFixed(1)} ms`;
      return `; ${after.length} sent ${range} after "${what}"`;
    })
    .join('');
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function bad(text: string): string {
  return styleText('red', text);
}
