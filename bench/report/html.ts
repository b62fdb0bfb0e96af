/** The report: one self-contained HTML file, rendered from the results alone. Pure. */
import { allPeers } from '../peers/all.ts';
import type { Churn, Results, Row } from '../results.ts';
import { escaped, short } from './chart.ts';
import { churnChart } from './churn-chart.ts';
import { latencyChart } from './latency-chart.ts';
import { leaveChart } from './leave-chart.ts';
import { peersChart, unheard } from './peers-chart.ts';
import { ratioChart } from './ratio-chart.ts';
import { style } from './style.ts';
import { departuresTable, figuresTable, goalsTable, idleTable, latencyTable, rowsTable } from './tables.ts';

export function renderReport(results: Results): string {
  const routes = results.rows.filter(({ work }) => work === 'routes');
  const others = results.rows.filter(({ work }) => work !== 'routes');
  const { departures, latency, idle, churn, figures, goals, skipped } = results;
  const sections = [
    section(
      'Goals',
      results.quick
        ? 'A quick run: its tables are smaller than those of the goals, so this is a first impression only. The last column names the measurements used.'
        : 'Each as a ratio or a number of this run; the last column names the measurements used.',
      goalsTable(goals),
    ),
    routes.length > 0 && peersSection(routes, unheard(results)),
    routes.some(({ peer }) => peer === 'ours') && ratioSection(routes),
    latency.length > 0 &&
      section(
        "From a pod's flip to the peer's kernel",
        'Event: the bytes of a pod manifest in our reconciler’s process; file: the same renamed into the folder of a real agent process; floor: one prepared netlink call. “BIRD here” is measured separately, because BIRD’s debug log costs time.',
        latencyChart(latency),
        details('all numbers', latencyTable(latency)),
        idle.length > 0 && details('the cost of agent and BIRD while nothing happens', idleTable(idle)),
      ),
    departures.length > 0 &&
      section(
        'A pod leaves',
        'One of four pods that share many destinations, from its manifest in memory to the last outcome: the kernel gets one request for each destination, or one for the group that all routes use. Dashed: BIRD learns the routes, as on a node, and gets a notification for each of them.',
        leaveChart(departures),
        details('all numbers, its return included', departuresTable(departures)),
      ),
    churn !== null && churnSection(churn),
    others.length > 0 &&
      section(
        "The agent's own work",
        'Over the floor where there is one: the same requests, prepared. Flips and passes are in microseconds.',
        ...worksOf(others),
      ),
    figures.length > 0 && section('Memory and the event loop', '', figuresTable(results)),
    skipped.length > 0 &&
      section(
        'Left out',
        '',
        `<ul>${skipped.map(({ what, why }) => `<li><b>${escaped(what)}</b>: ${escaped(why)}</li>`).join('')}</ul>`,
      ),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>flock-anycast: bench of ${results.date.slice(0, 10)}</title>
<style>${style}</style>
</head>
<body>
${header(results)}
<main>
${sections.filter(Boolean).join('\n')}
</main>
</body>
</html>
`;
}

function header({ machine, date, kernel, quick, seconds }: Results): string {
  const facts = [
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB`],
    ['kernel', kernel],
    ['Node', machine.node],
    ['date', date.slice(0, 16).replace('T', ' ')],
    ['load at the start', machine.load.toFixed(1)],
    ['run', `${quick ? 'quick' : 'whole'}, ${seconds} s`],
  ];
  const list = facts
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${escaped(value ?? '')}</dd></div>`)
    .join('');
  return `<header><div><h1>What a route costs</h1>
<p>flock-anycast compared with the kernel's own floor and with other programs, all in one run, in turns, in network namespaces of
one machine. Read ratios: they are taken within a round, and a machine drifts.</p>
<dl>${list}</dl></div></header>`;
}

function section(title: string, words: string, ...parts: (string | false)[]): string {
  const lead = words === '' ? '' : `<p>${escaped(words)}</p>`;
  return `<section><h2>${escaped(title)}</h2>${lead}${parts.filter(Boolean).join('\n')}</section>`;
}

function details(summary: string, content: string): string {
  return `<details><summary>${escaped(summary)}</summary>${content}</details>`;
}

function peersSection(routes: Row[], alone: Row[]): string {
  const present = allPeers.filter(({ name }) => alone.some(({ peer }) => peer === name));
  const who = present.map(({ name, what }) => {
    const most = Math.max(
      ...alone.filter(({ peer }) => peer === name).map(({ destinations }) => destinations),
    );
    return `<li><b>${name}</b>: ${escaped(what)}; up to ${most.toLocaleString('en')} destinations</li>`;
  });
  return section(
    'Everybody',
    'Microseconds per route, median of the rounds, logarithmic, without a listener. The largest table of each peer, up to 10,000 destinations.',
    peersChart(alone),
    `<ul>${who.join('')}</ul>`,
    details('all numbers', rowsTable(routes)),
  );
}

function ratioSection(routes: Row[]): string {
  return section(
    'Ours over the floor',
    'Encoding in JavaScript, one apply, every outcome; over the same messages prepared in C. 1.00 is the kernel itself. “Heard”: another program listens to route changes.',
    ratioChart(routes),
  );
}

function churnSection(churn: Churn): string {
  const tiles: [string, string][] = [
    [short(churn.flips), 'flips'],
    [short(churn.requests), 'requests to the kernel'],
    [short(churn.batches), 'batches'],
    [short(churn.coalesced), 'flips handled together with an earlier one of the same pod'],
    [`${short(churn.lagMs.p50)} ms`, 'median lag'],
    [`${short(churn.lagMs.p99)} ms`, '99th percentile'],
    [`${short(churn.cpuPercent)} %`, 'of a core'],
    [`${short(churn.rssMb.start)} → ${short(churn.rssMb.end)} MB`, 'resident memory'],
  ];
  return section(
    'A node under churn',
    `${churn.pods} pods, ${churn.destinations.toLocaleString('en')} destinations, ${churn.flipsPerSecond.toLocaleString('en')} flips a second for ${churn.seconds} s. Lag: from the event to the kernel's answer for all its changes.`,
    `<div class="tiles">${tiles.map(([value, what]) => `<div><b>${value}</b><span>${escaped(what)}</span></div>`).join('')}</div>`,
    churnChart(churn),
  );
}

function worksOf(rows: Row[]): string[] {
  const works = [...new Set(rows.map(({ work }) => work))];
  return works.map(work => details(work, rowsTable(rows.filter(row => row.work === work))));
}
