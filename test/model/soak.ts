/**
 * The model test for long: `npm run test:soak [-- STEPS]`, 10,000 effective steps by default.
 * Shows progress, and ends with how often each kind of step and fault occurred and what memory did.
 */
import fc from 'fast-check';
import { lifeOf, newTally, runLife } from './run.ts';

const wanted = Number(process.argv[2] ?? 10_000);
const seed = Number(process.env.FLOCK_MODEL_SEED ?? Date.now() & 0x7fffffff);
const tally = newTally();
const rssMiB: number[] = [];
const counted = new Set(['quiet point', 'overrun seen']);
const steps = () => [...tally].reduce((sum, [kind, count]) => sum + (counted.has(kind) ? 0 : count), 0);

/** What the model's system needs of a test: it ends its own things. */
const host = {
  teardown: () => {},
  fail: (message: string) => {
    throw new Error(message);
  },
};

console.log(`FLOCK_MODEL_SEED=${seed} repeats this run`);
const began = Date.now();
for (let world = 0; steps() < wanted; world++) {
  await fc.assert(
    fc.asyncProperty(lifeOf(60), life => runLife(host, life, tally)),
    { seed: seed + world, numRuns: 1, endOnFailure: true, includeErrorInReport: true },
  );
  rssMiB.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
  const seconds = Math.round((Date.now() - began) / 1000);
  process.stdout.write(`${steps()} of ${wanted} steps, ${seconds} s, RSS ${rssMiB.at(-1)} MiB\n`);
}
for (const [kind, count] of tally) console.log(`${String(count).padStart(6)} ${kind}`);
const middle = rssMiB[Math.floor(rssMiB.length / 2)];
console.log(`RSS in MiB: start ${rssMiB[0]}, middle ${middle}, end ${rssMiB.at(-1)}`);
const never = [...tally].filter(([, count]) => count === 0).map(([kind]) => kind);
if (never.length > 0) {
  console.error(`never occurred: ${never.join(', ')}`);
  process.exitCode = 1;
}
