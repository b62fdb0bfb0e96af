/** One run of the demo: sets everything up, runs the steps, and removes everything. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTopology, type Topology } from '../../test/support/anycast-net/topology.ts';
import { aborted, causeOf } from '../../test/support/interruption.ts';
import { Lab } from '../../test/support/lab.ts';
import { lookAround } from './look-around.ts';
import { Programs } from './programs.ts';
import { type DemoRecord, print, Report } from './report.ts';
import { watchRoutes } from './route-watch.ts';
import { type Flip, Stage } from './stage.ts';
import { milliseconds, story } from './story.ts';

export interface PlayOptions {
  /** Leave everything running after the last step, until the signal. */
  keep: boolean;
  /** Ends the run early; nothing is recorded then. */
  signal: AbortSignal;
  /** Receives the measurements, also when a step failed. */
  record: (record: DemoRecord) => void;
}

/** Five times the usual minute, for slow machines: a run that takes longer hangs. */
const deadlineMs = 300_000;

/** @throws Error when a step failed; the signal's reason when it was aborted */
export async function play({ keep, signal, record }: PlayOptions): Promise<void> {
  const lab = await Lab.create();
  const logs = mkdtempSync(join(tmpdir(), 'flock-demo-logs-'));
  // One signal for everything that ends the run: the user, a program that has ended, the deadline.
  const stop = new AbortController();
  signal.addEventListener('abort', () => stop.abort(signal.reason), { once: true });
  const deadline = setTimeout(
    () => stop.abort(new Error(`expected an end, saw none in ${deadlineMs / 1000} s`)),
    deadlineMs,
  );

  const report = new Report(story.map(({ name }) => name));
  const flips: Flip[] = [];
  let up: { topology: Topology; programs: Programs } | undefined;
  let failure: Error | undefined;
  try {
    const start = performance.now();
    const topology = await buildTopology(lab, stop.signal);
    const programs = new Programs({ lab, topology, logs, stop });
    up = { topology, programs };
    await programs.start();
    const watches = await watchRoutes(topology);
    print(`\nThe network is set up, BGP is up: ${milliseconds(performance.now() - start)}.`);
    const stage = new Stage({ topology, podFiles: programs.podFiles, watches, flips, signal: stop.signal });
    for (const { name, run } of story) await report.step(name, log => run(stage, log));
  } catch (error) {
    failure = await causeOf((stop.signal.aborted ? stop.signal.reason : error) as Error, signal);
  }
  clearTimeout(deadline);

  if (!signal.aborted) {
    record(report.record(flips));
    if (failure !== undefined) failure.message += `\nLogs of all programs: ${logs}`;
    if (keep && up !== undefined) {
      if (failure !== undefined) print(`\n${failure.message}`);
      print(`\n${lookAround(up.topology, up.programs)}`);
      await aborted(signal);
    }
  }
  await lab.destroy();
  if (failure === undefined || signal.aborted) rmSync(logs, { recursive: true, force: true });
  else up?.programs.saveBirdLogs();
  if (failure !== undefined) throw failure;
}
