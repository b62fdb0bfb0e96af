/** What docs/allocations.md quotes is what the program answers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createLog } from '../../lib/base/log.ts';
import { answerRequest } from '../../lib/sources/allocations/allocation-requests.ts';
import { AllocationStore } from '../../lib/sources/allocations/allocation-store.ts';
import { readPage } from '../support/page.ts';

test('the local API answers a wrong address with the error of the page', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'flock-docs-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const store = new AllocationStore({ path: join(dir, 'allocations.json'), log: createLog('silent') });
  const body = JSON.stringify({ uid: 'a', hostInterface: 'veth1', ipv4: 'fd00::1', state: 'committed' });
  const answer = await answerRequest(store, { method: 'PUT', url: '/v1/allocations/default/dns-1', body });
  const quoted = readPage('allocations.md').blocks.find(({ text }) => text.includes('"error"'));
  t.deepEqual(answer, { status: 400, body: JSON.parse(quoted?.text ?? '') });
});
