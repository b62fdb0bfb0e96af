import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const agent = fileURLToPath(new URL('../../lib/agent/agent.ts', import.meta.url));
const http = 'node:http';

/** Whether undici is in a program that imports this. */
async function bringsUndici(what: string): Promise<boolean> {
  const script = `await import(${JSON.stringify(what)});
    process.stdout.write(String(process.moduleLoadList.some(name => name.includes('undici'))));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  return stdout === 'true';
}

test('the agent does not load undici, which an import of node:http brings along', async t => {
  t.true(await bringsUndici(http), 'no reason any more for lib/base/node-http.ts');
  t.false(await bringsUndici(agent));
});
