import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const module = fileURLToPath(new URL('../lib/young-space.ts', import.meta.url));

/** Bytes of V8's space for young objects after much came and some of it stayed. */
async function youngSpace(...options: string[]): Promise<number> {
  const script = `
    const kept = [];
    for (let n = 0; n < 2_000_000; n++) kept[n % 100_000] = { n };
    const spaces = require('node:v8').getHeapSpaceStatistics();
    console.log(spaces.find(({ space_name }) => space_name === 'new_space').space_size);`;
  return Number((await promisify(execFile)(process.execPath, [...options, '-e', script])).stdout);
}

test("what comes and goes does not let the program's young space grow", async t => {
  const [ours, others] = await Promise.all([youngSpace('--import', module), youngSpace()]);
  t.true(ours < 8_000_000, `${ours} bytes`);
  t.true(others > 2 * ours, `without it ${others} bytes, and there would be no need of it`);
});
