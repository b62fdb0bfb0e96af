/** Runs all scenarios, in two networks at the same time. */
import { compile } from '../support/compile.ts';
import { Lab } from '../support/lab.ts';
import { type Nexthops, routesBy } from './nexthop-modes.ts';
import { perform } from './perform.ts';
import { explainLosses, explainResets, markdown, print, type Row, rowsOf } from './report.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { tearOut, type Way, ways } from './veth-loss.ts';
import { type VethRow, vethMarkdown, vethRow } from './veth-report.ts';
import { type Kind, World } from './world.ts';

export interface ProofOptions {
  /** These scenarios alone. */
  only: readonly string[] | undefined;
  /** How often a veth is torn out, each way. */
  vethRuns: number;
  /** How our routes lead to their pods. */
  nexthops: Nexthops;
  signal: AbortSignal;
}

export interface Proof {
  rows: (Row | (VethRow & { original: VethRow }))[];
  /** A description of each guarantee that does not hold. */
  failures: string[];
}

interface Stage {
  nexthops: Nexthops;
  ours: World;
  original: World;
  /** Path of the compiled `load.c`. */
  load: string;
  failures: string[];
}

/** How long the load goes on after the veth went: the original waits for its tick. */
const afterMs = { ours: 700, original: 2500 };
/** Enough to show what the original does. */
const originalRuns = 2;

export async function prove({ only, vethRuns, nexthops, signal }: ProofOptions): Promise<Proof> {
  const failures: string[] = [];
  const labs = { ours: await Lab.create(), original: await Lab.create() };
  const isPlayed = (name: string) => only?.includes(name) ?? true;
  try {
    const echo = await compile(new URL('./native/echo.c', import.meta.url), labs.ours.dir);
    const load = await compile(new URL('./native/load.c', import.meta.url), labs.ours.dir);
    const create = (kind: Kind) =>
      World.create({ kind, lab: labs[kind], echo, signal, routes: routesBy(nexthops) });
    const [ours, original] = await Promise.all([create('ours'), create('original')]);
    const stage = { nexthops, ours, original, load, failures };
    const rows: Row[] = [];
    for (const scenario of scenarios) {
      if (isPlayed(scenario.name)) rows.push(...(await play(scenario, stage)));
    }
    if (rows.length > 2) print(`\n${markdown(rows)}`);
    const vethRows: (VethRow & { original: VethRow })[] = [];
    for (const way of ways) {
      if (isPlayed(`veth-${way}`)) vethRows.push(...(await tear(way, vethRuns, stage)));
    }
    if (vethRows.length > 2) print(`\n${vethMarkdown(vethRows)}\n`);
    return { rows: [...rows, ...vethRows], failures };
  } finally {
    await Promise.all(Object.values(labs).map(lab => lab.destroy()));
  }
}

async function play(scenario: Scenario, { nexthops, ours, original, load, failures }: Stage): Promise<Row[]> {
  const { name, what, warning } = scenario;
  const mayLose = scenario.mayLose ?? (nexthops === 'resilient' ? scenario.mayLoseResilient : undefined);
  print(`\n${name}: ${what}`);
  const [our, their] = await Promise.all([ours, original].map(world => perform(world, scenario, load)));
  if (our === undefined || their === undefined) throw new Error('two worlds were played in');
  const rows = rowsOf(name, our, their);
  print(markdown(rows));
  if (mayLose !== undefined) print(`  may lose: ${mayLose}`);
  for (const line of [...explainLosses(our), ...explainResets(our)]) print(`  ours      ${line}`);
  for (const line of [...explainLosses(their), ...explainResets(their)]) print(`  original  ${line}`);
  for (const { family, lost, tcp } of rows) {
    if (mayLose !== undefined || lost + tcp.unanswered === 0) continue;
    failures.push(
      `${name}: ${lost} UDP requests and ${tcp.unanswered} connections black-holed over ${family}, 0 is promised`,
    );
  }
  for (const { family, tcp } of rows) {
    // A resilient group keeps flows on their nexthops; other forms hash them again.
    if (nexthops === 'resilient' && tcp.causes.staying > 0)
      failures.push(
        `${name}: ${tcp.causes.staying} connections over ${family} of pods that stayed were reset`,
      );
  }
  if (warning !== undefined && !our.warned) failures.push(`${name}: no agent warned with ${warning}`);
  failures.push(...our.starved.map(text => `${name}: ${text}`));
  return rows;
}

/** One world after the other: each needs the machine. */
async function tear(
  way: Way,
  runs: number,
  { ours, original, load, failures }: Stage,
): Promise<(VethRow & { original: VethRow })[]> {
  print(`\nveth-${way}: 20,000 requests a second from behind the router, a pod's veth torn out`);
  const losses = { ours: [], original: [] } as Record<Kind, Awaited<ReturnType<typeof tearOut>>>;
  for (const [world, times] of [
    [ours, runs],
    [original, originalRuns],
  ] as const) {
    for (let run = 0; run < times; run++) {
      const options = { program: load, afterMs: afterMs[world.kind] };
      losses[world.kind].push(...(await tearOut(world, way, options)));
    }
  }
  const rows = (['ipv4', 'ipv6'] as const).map(family => ({
    ...vethRow(way, family, losses.ours),
    original: vethRow(way, family, losses.original),
  }));
  print(vethMarkdown(rows));
  for (const { family, atRouter } of losses.ours)
    for (const { line } of atRouter) print(`  the router's kernel, ${family}: ${line}`);
  // Milliseconds on a machine that others use too are told, and fail nothing; what never came does.
  // So is whether the peer noticed: BIRD reads the kernel while that takes the nexthop out (test/bird/silence.test.ts).
  for (const { family, neverReprogrammed } of rows) {
    if (neverReprogrammed > 0)
      failures.push(`veth-${way}: ${family} was never re-programmed in ${neverReprogrammed} runs`);
  }
  return rows;
}
