/** The losses of all scenarios: lines while they run, and a record at the end. */
import { styleText } from 'node:util';
import type { Request } from './load.ts';
import { isBlackHoled, type TcpLoss, tcpLoss, type UdpLoss, udpLoss } from './losses.ts';
import type { Performance } from './perform.ts';
import { causesOf, type ResetCause, type ResetCauses, resetCauses } from './resets.ts';

interface Cost extends UdpLoss {
  tcp: TcpLoss & { causes: ResetCauses };
}

export interface Row extends Cost {
  name: string;
  family: 'ipv4' | 'ipv6';
  original: Cost;
}

export function rowsOf(name: string, ours: Performance, original: Performance): Row[] {
  return (['ipv4', 'ipv6'] as const).map(family => ({
    name,
    family,
    ...costOf(ours, family),
    original: costOf(original, family),
  }));
}

function costOf({ requests, marks }: Performance, family: 'ipv4' | 'ipv6'): Cost {
  const of = (protocol: 'udp' | 'tcp') =>
    requests.filter(request => request.protocol === protocol && request.family === family);
  const connections = of('tcp');
  return { ...udpLoss(of('udp')), tcp: { ...tcpLoss(connections), causes: resetCauses(connections, marks) } };
}

const headings = ['scenario', 'family', 'sent', 'lost', 'gap', 'tcp', 'original: sent', 'lost', 'gap', 'tcp'];

/** The whole as Markdown. TCP is `black-holed + reset / connections`. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map(row => [row.name, row.family, ...cells(row), ...cells(row.original)]);
  return [headings, headings.map(() => '---'), ...lines].map(line => `| ${line.join(' | ')} |`).join('\n');
}

function cells({ sent, lost, longestGapMs, tcp }: Cost): string[] {
  const gap = lost === 0 ? '–' : `${longestGapMs} ms`;
  return [`${sent}`, `${lost}`, gap, `${tcp.unanswered} + ${tcp.reset} / ${tcp.connections}`];
}

const causeWords: Record<ResetCause, string> = {
  leaving: 'of a pod that left',
  staying: 'of a pod that stayed, beside one that came or went',
  own: 'of a pod that stayed, by a client on its own node',
  elsewhere: 'led to another node',
  unknown: 'before anybody answered',
};

/** Whose connections were reset, each group with when and after what. */
export function explainResets({ requests, marks }: Performance): string[] {
  const causes = causesOf(requests, marks);
  const groups = new Map<string, Request[]>();
  for (const [request, cause] of causes) {
    const { family, from, server = 'nobody' } = request;
    const key = `reset ${causeWords[cause]}: tcp ${family} from ${from} to ${server}`;
    groups.set(key, [...(groups.get(key) ?? []), request]);
  }
  return [...groups].map(([key, reset]) => `${reset.length} ${key}${timesOf(reset, marks)}`);
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
