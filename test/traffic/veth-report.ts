/** What the runs with a veth torn out gave, in a table and a record. */
import type { UdpLoss } from './losses.ts';
import type { VethLoss, Way } from './veth-loss.ts';

export interface VethRow {
  name: string;
  family: 'ipv4' | 'ipv6';
  runs: number;
  sent: number;
  lost: number;
  longestGapMs: number;
  /** Of the pod's own share; of its sibling's, on the same node; and of the other node's. */
  own: Part;
  sibling: Part;
  others: Part;
  /** Milliseconds from RTM_DELLINK to the route by the sibling alone, sorted. */
  reprogrammedMs: number[];
  /** Runs in which it never came. */
  neverReprogrammed: number;
  /** Runs in which the router's kernel heard of it. */
  noticedByPeer: number;
}

interface Part {
  lost: number;
  /** Of the longest stretch of losses, the median of the runs and the worst, in milliseconds. */
  medianGapMs: number;
  longestGapMs: number;
}

export function vethRow(way: Way, family: 'ipv4' | 'ipv6', losses: readonly VethLoss[]): VethRow {
  const of = losses.filter(loss => loss.family === family);
  const all = part(of.map(loss => loss.all));
  const times = of.flatMap(({ reprogrammedMs }) => reprogrammedMs ?? []).sort((a, b) => a - b);
  return {
    name: `veth-${way}`,
    family,
    runs: of.length,
    sent: of.reduce((sum, loss) => sum + loss.all.sent, 0),
    lost: all.lost,
    longestGapMs: all.longestGapMs,
    own: part(of.map(loss => loss.own)),
    sibling: part(of.map(loss => loss.sibling)),
    others: part(of.map(loss => loss.others)),
    reprogrammedMs: times.map(rounded),
    neverReprogrammed: of.length - times.length,
    noticedByPeer: of.filter(({ atRouter }) => atRouter.length > 0).length,
  };
}

function part(losses: readonly UdpLoss[]): Part {
  const gaps = losses.map(({ longestGapMs }) => longestGapMs).sort((a, b) => a - b);
  return {
    lost: losses.reduce((sum, { lost }) => sum + lost, 0),
    medianGapMs: rounded(percentile(gaps, 50) ?? 0),
    longestGapMs: rounded(gaps.at(-1) ?? 0),
  };
}

const headings = [
  'veth',
  'family',
  'agent',
  'runs',
  'sent',
  'own share lost',
  "sibling's lost",
  "sibling's gap p50 / max",
  "others' lost",
  're-programmed p50 / p99',
  'peer noticed',
];

export function vethMarkdown(rows: readonly (VethRow & { original: VethRow })[]): string {
  const lines = rows.flatMap(row => [cells('ours', row), cells('original', row.original)]);
  return [headings, headings.map(() => '---'), ...lines].map(line => `| ${line.join(' | ')} |`).join('\n');
}

function cells(agent: string, row: VethRow): string[] {
  const { own, sibling, others, reprogrammedMs } = row;
  const times = [50, 99].map(each => percentile(reprogrammedMs, each)?.toFixed(2) ?? 'never');
  return [
    row.name.replace('veth-', ''),
    row.family,
    agent,
    `${row.runs}`,
    `${row.sent}`,
    `${own.lost}`,
    `${sibling.lost}`,
    `${sibling.medianGapMs} / ${sibling.longestGapMs} ms`,
    `${others.lost}`,
    `${times.join(' / ')} ms${row.neverReprogrammed > 0 ? `, never in ${row.neverReprogrammed}` : ''}`,
    `${row.noticedByPeer} of ${row.runs}`,
  ];
}

/** The nearest of the sorted values. */
function percentile(sorted: readonly number[], percent: number): number | undefined {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
