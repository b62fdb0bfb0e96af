/** What is run on each kernel, and on which kernels. */
import { globSync, readFileSync } from 'node:fs';

export interface Suite {
  name: string;
  command: string[];
}

export interface Kernel {
  /** What `scripts/kernel-vm` takes. */
  name: string;
  machine: string[];
  /** What has to be made for it first: one of our scripts with its arguments. */
  needs?: string[];
  suites: Suite[];
}

/** One test at a time, and no test that hangs for ever: the machine is emulated. */
const ava = ['ava', '--tap', '--concurrency', '1', '--timeout', '60m'];

const native: Suite = { name: 'native', command: [...ava, 'test/native/*.test.ts'] };
const all: Suite[] = [
  native,
  { name: 'kernel', command: [...ava, 'test/agent/agent-kernel.test.ts', ...ofTheKernel()] },
  { name: 'flip', command: ['node', 'test/kernels/flip.ts'] },
  { name: 'model', command: ['node', 'test/model/soak.ts', '200'] },
];

/** Those of `test/kernel` that have a kernel in them: three in four of its files are about pure functions. */
function ofTheKernel(): string[] {
  const laboratory = /from '[^']*\/support\/(lab|node-lab|program)\.ts'/;
  return globSync('test/kernel/**/*.test.ts').filter(file => laboratory.test(readFileSync(file, 'utf8')));
}

/** Those of `test/native` that need no compiler. */
const withoutCompiler = ['apply', 'dump', 'lookup', 'monitor', 'nexthop-objects', 'outcomes', 'parallel'].map(
  name => `test/native/${name}.test.ts`,
);

export const kernels: Kernel[] = [
  ...['bullseye', 'bookworm', 'trixie', 'sid'].map(name => ({ name, machine: [name], suites: all })),
  {
    name: 'bookworm-arm64',
    machine: ['bookworm', 'arm64'],
    needs: ['prebuild', 'linux-arm64-glibc'],
    suites: [{ name: 'native', command: [...ava, ...withoutCompiler] }],
  },
];

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Counts what a suite has said so far. Of TAP output the test lines are counted, not the summary: it is missing when the
 * reporter crashes. A program that prints none is one test, by its exit code.
 *
 * @param exitCode undefined while it runs
 */
export function countTests(output: string, exitCode?: number): Counts {
  const count = (pattern: RegExp) => output.match(pattern)?.length ?? 0;
  const skipped = count(/^ok \d+ .*# SKIP/gm);
  const passed = count(/^ok \d+ /gm) - skipped;
  const failed = count(/^not ok \d+ /gm);
  if (exitCode === undefined) return { passed, failed, skipped };
  if (!/^TAP version/m.test(output))
    return { passed: Number(exitCode === 0), failed: Number(exitCode !== 0), skipped };
  const ended = /^1\.\.\d+$/m.test(output) && (exitCode === 0 || failed > 0);
  return { passed, failed: failed + Number(!ended), skipped };
}
