import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const module = fileURLToPath(new URL('../lib/heap-growth.ts', import.meta.url));

/** Runs a script in a process of its own, with our settings and without them. @returns the bytes that each prints */
function compare(script: string): Promise<number[]> {
  const run = async (...options: string[]) =>
    Number((await promisify(execFile)(process.execPath, [...options, '-e', script])).stdout);
  return Promise.all([run('--import', module), run()]);
}

test("short-lived objects do not let V8's space for young objects grow", async t => {
  const [ours = 0, others = 0] = await compare(`
    const kept = [];
    for (let n = 0; n < 2_000_000; n++) kept[n % 100_000] = { n };
    const spaces = require('node:v8').getHeapSpaceStatistics();
    console.log(spaces.find(({ space_name }) => space_name === 'new_space').space_size);`);
  t.true(ours < 8_000_000, `${ours} bytes`);
  t.true(others > 2 * ours, `without it ${others} bytes, and there would be no need of it`);
});

test('objects that are replaced again and again do not let the heap grow far beyond the live objects', async t => {
  const [ours = 0, others = 0] = await compare(`
    const kept = Array.from({ length: 200_000 }, (_, n) => ({ n, text: [n] }));
    let most = 0;
    let n = 0;
    const slice = () => {
      for (const end = n + 10_000; n < end; n++) kept[n % kept.length] = { n, text: [n] };
      most = Math.max(most, process.memoryUsage().heapUsed);
      if (n < 4_000_000) setTimeout(slice, 1);
      else console.log(most);
    };
    slice();`);
  t.log(ours, others);
  t.true(others > 1.3 * ours, `${ours} bytes, without it ${others}`);
});
