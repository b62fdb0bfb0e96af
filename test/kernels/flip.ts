/** One flip of the demo, there and back: a pod becomes Ready, and its route is in the node's and the router's kernel. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Programs } from '../../scripts/demo/programs.ts';
import { watchRoutes } from '../../scripts/demo/route-watch.ts';
import { type Flip, Stage } from '../../scripts/demo/stage.ts';
import { type PodPlan, pods } from '../support/anycast-net/plan.ts';
import { buildTopology } from '../support/anycast-net/topology.ts';
import { Lab } from '../support/lab.ts';
import { runProof } from '../support/proof.ts';

/** A run that takes longer hangs, also in an emulated machine. */
const deadlineMs = 60 * 60_000;

await runProof(deadlineMs, async signal => {
  const lab = await Lab.create();
  const stop = new AbortController();
  signal.addEventListener('abort', () => stop.abort(signal.reason), { once: true });
  const logs = mkdtempSync(join(tmpdir(), 'flock-flip-'));
  const flips: Flip[] = [];
  try {
    const topology = await buildTopology(lab, stop.signal);
    const programs = new Programs({ lab, topology, logs, stop });
    await programs.start();
    const watches = await watchRoutes(topology);
    const stage = new Stage({ topology, podFiles: programs.podFiles, watches, flips, signal: stop.signal });
    const [pod] = pods as [PodPlan];
    for (const ready of [true, false]) console.log(JSON.stringify(await stage.flip(pod, ready)));
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    await lab.destroy();
  }
  return [];
});
