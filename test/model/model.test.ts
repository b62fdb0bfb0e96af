import test from 'ava';
import fc from 'fast-check';
import { lifeOf, newTally, runLife } from './run.ts';

test('after any sequence of events, the kernel equals the model at every quiet point', async t => {
  t.timeout(20 * 60_000);
  const tally = newTally();
  const seed = Number(process.env.FLOCK_MODEL_SEED ?? Date.now() & 0x7fffffff);
  t.log(`FLOCK_MODEL_SEED=${seed} repeats this run`);
  const worlds = fc.asyncProperty(lifeOf(12), life => runLife(t, life, tally));
  const run = (numRuns: number, its: number) =>
    fc.assert(worlds, {
      seed: its,
      numRuns,
      endOnFailure: process.env.FLOCK_MODEL_SHRINK === 'no',
      interruptAfterTimeLimit: 19 * 60_000,
      markInterruptAsFailure: true,
      includeErrorInReport: true,
    });
  // 12 worlds of 12 bursts of 4 steps on average, of which two thirds make sense: some 350 steps.
  await run(12, seed);
  // Rare steps may not have occurred yet.
  for (let more = 1; more <= 20 && [...tally.values()].includes(0); more++) await run(1, seed + more);
  t.log([...tally].map(([kind, count]) => `${count} x ${kind}`).join(', '));
  for (const [kind, count] of tally) t.true(count > 0, `${kind} never occurred`);
});
