/** The local API over its socket, with a real store: what docs/openapi.yaml says, and what it leaves to HTTP. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { z } from 'zod';
import { createLog } from '../../../lib/base/log.ts';
import { allocationSchema } from '../../../lib/sources/allocations/allocation.ts';
import { AllocationApi } from '../../../lib/sources/allocations/allocation-api.ts';
import { allocationBodySchema } from '../../../lib/sources/allocations/allocation-body.ts';
import { AllocationStore } from '../../../lib/sources/allocations/allocation-store.ts';
import { eventually } from '../../support/lab.ts';

const documented = parse(readFileSync(new URL('../../../docs/openapi.yaml', import.meta.url), 'utf8'));

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the API answers
  body: any;
}

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flock-api-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(t: ExecutionContext, folder = folderOf(t)) {
  const file = join(folder, 'allocations.json');
  const path = join(folder, 'run', 'api.sock');
  const store = new AllocationStore({ path: file, log: createLog('silent') });
  await store.start();
  const api = new AllocationApi({ store, path, log: createLog('silent') });
  await api.start();
  t.teardown(() => api.stop());
  const ask = async (method: string, url: string, body?: unknown): Promise<Answer> => {
    const answer = await send(path, method, url, typeof body === 'string' ? body : JSON.stringify(body));
    expectDocumented(t, method, url, answer);
    return answer;
  };
  return { folder, file, path, store, api, ask };
}

function send(socketPath: string, method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method, path, agent: false }, async response => {
      let text = '';
      for await (const chunk of response) text += chunk;
      const { statusCode: status = 0, headers } = response;
      resolve({ status, headers, body: text === '' ? undefined : JSON.parse(text) });
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** Every answer of these tests is one that the documentation has, in status, header and shape. */
function expectDocumented(
  t: ExecutionContext,
  method: string,
  url: string,
  { status, headers, body }: Answer,
): void {
  const [, , , namespace, name, ...rest] = url.split('?')[0]?.split('/') ?? [];
  const path = url.startsWith('/v1/collect')
    ? '/v1/collect'
    : namespace && name && rest.length === 0
      ? '/v1/allocations/{namespace}/{pod}'
      : '/v1/allocations';
  const operation = documented.paths[path][method.toLowerCase()];
  const name404 = status === 404 || status === 405 ? documented.components.responses.Failure : undefined;
  const reference = operation?.responses[`${status}`] ?? name404;
  t.truthy(reference, `${method} ${url} answers ${status}`);
  const response = reference.$ref
    ? documented.components.responses[reference.$ref.split('/').at(-1)]
    : reference;
  const media = response.content?.['application/json'];
  t.is(headers['content-type'], media && 'application/json');
  if (media === undefined) {
    t.is(body, undefined);
    return;
  }
  const result = z.fromJSONSchema(resolved(media.schema)).safeParse(body);
  t.true(result.success, `${method} ${url}: ${JSON.stringify(body)} ${result.error?.message}`);
}

/**
 * A schema with its references to components written out. Zod compiles patterns without the flag `u` that JSON
 * Schema asks for, so the one class that needs it is spelled out.
 */
function resolved(schema: unknown): never {
  const text = JSON.stringify(schema).replaceAll('\\\\p{Cc}', '\\\\x00-\\\\x1f\\\\x7f-\\\\x9f');
  return JSON.parse(text, (_, value) =>
    value?.$ref ? resolved(documented.components.schemas[value.$ref.split('/').at(-1)]) : value,
  ) as never;
}

const body = {
  uid: '8a6e2c1e',
  hostInterface: 'veth1a2b3c4d',
  ipv4: '10.244.3.17',
  ipv6: 'fd00:3::17',
  anycast: ['192.0.2.53', '2001:db8::53'],
  state: 'committed',
};
const whole = { namespace: 'default', name: 'dns-1', ...body, addresses: [] };
const url = '/v1/allocations/default/dns-1';

test('an allocation is put, got, listed and deleted, each as often as one likes', async t => {
  const { ask } = await serve(t);
  t.deepEqual((await ask('GET', '/v1/allocations')).body, { allocations: [] });
  for (let time = 0; time < 2; time++) {
    const put = await ask('PUT', url, body);
    t.is(put.status, 200);
    t.deepEqual(put.body, whole);
  }
  t.deepEqual((await ask('GET', url)).body, whole);
  t.deepEqual((await ask('GET', '/v1/allocations')).body, { allocations: [whole] });
  t.is((await ask('PUT', url, whole)).status, 200, 'what GET gives can be PUT');
  for (let time = 0; time < 2; time++) t.is((await ask('DELETE', url)).status, 204);
  const gone = await ask('GET', url);
  t.is(gone.status, 404);
  t.is(gone.body.error.code, 'FLOCK_ALLOCATION_UNKNOWN');
});

test('when it answers, the file has it, and the reconciler was told', async t => {
  const { ask, store, file } = await serve(t);
  const told: string[] = [];
  store.onChange(keys => told.push(...keys));
  await ask('PUT', url, body);
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')).allocations, [whole]);
  t.deepEqual(told, ['default/dns-1']);
  await ask('PUT', url, body);
  t.deepEqual(told, ['default/dns-1'], 'the same again is no change');
  await ask('DELETE', url);
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')).allocations, []);
});

test('a late word of a former pod’s end takes nothing from its successor of the same name', async t => {
  const { ask } = await serve(t);
  await ask('PUT', url, { ...body, uid: 'second' });
  const answer = await ask('DELETE', `${url}?uid=first`);
  t.is(answer.status, 409);
  t.is(answer.body.error.code, 'FLOCK_ALLOCATION_OTHER');
  t.regex(answer.body.error.message, /default\/dns-1 was not deleted: it is of uid second, not first/);
  t.is((await ask('GET', url)).body.uid, 'second');
  t.is((await ask('DELETE', `${url}?uid=second`)).status, 204);
  t.is((await ask('GET', url)).status, 404);
});

const former = { ...body, hostInterface: 'vethA' };
const remade = { ...body, hostInterface: 'vethB' };
for (const [what, first, second, late, end] of [
  ['of its uid', former, remade, 'uid=8a6e2c1e', 'uid=8a6e2c1e&hostInterface=vethB'],
  [
    'of its interface',
    former,
    remade,
    'uid=8a6e2c1e&hostInterface=vethA',
    'uid=8a6e2c1e&hostInterface=vethB',
  ],
  [
    'of its container, where both have one interface name',
    { ...former, containerId: 'c1' },
    { ...former, containerId: 'c2' },
    'uid=8a6e2c1e&containerId=c1',
    'containerId=c2',
  ],
  [
    'of its uid and interface, where both have one interface name',
    { ...former, containerId: 'c1' },
    { ...former, containerId: 'c2' },
    'uid=8a6e2c1e&hostInterface=vethA',
    'uid=8a6e2c1e&containerId=c2',
  ],
] as const) {
  test(`the late end ${what} of a former sandbox takes nothing from the next one of the same pod`, async t => {
    const { ask, file, folder } = await serve(t);
    await ask('PUT', url, first);
    const { body: inForce } = await ask('PUT', url, second);
    t.deepEqual(inForce, { ...whole, ...second, remade: true });
    for (let time = 0; time < 2; time++) {
      t.is((await ask('DELETE', `${url}?${late}`)).body.error.code, 'FLOCK_ALLOCATION_OTHER');
      t.deepEqual((await ask('GET', url)).body, inForce);
      t.deepEqual((await ask('PUT', url, second)).body, inForce, 'also when it is reported again');
    }
    const again = new AllocationStore({ path: file, log: createLog('silent') });
    await again.start();
    t.deepEqual(again.snapshot().get('default/dns-1'), inForce, `${folder} has it after a restart`);
    t.is((await ask('DELETE', `${url}?${end}`)).status, 204);
    t.is((await ask('GET', url)).status, 404);
  });
}

test('collect removes what is of no valid container, and nothing that says no container', async t => {
  const { ask, store } = await serve(t);
  for (const name of ['dns-1', 'dns-2', 'dns-3']) {
    await ask('PUT', `/v1/allocations/default/${name}`, { ...body, containerId: `of-${name}` });
  }
  await ask('PUT', '/v1/allocations/default/old', body);
  const attachments = Array.from({ length: 2000 }, (_, index) => ({
    containerID: `c${index}`,
    ifname: 'eth0',
  }));
  const configuration = { cniVersion: '1.1.0', name: 'pods', type: 'flock-anycast' };
  const collect = (valid: unknown) =>
    ask('POST', '/v1/collect', { ...configuration, 'cni.dev/valid-attachments': valid });
  const first = await collect([...attachments, { containerID: 'of-dns-2', ifname: 'eth0' }]);
  t.deepEqual([first.status, first.body], [200, { collected: ['default/dns-1', 'default/dns-3'] }]);
  t.deepEqual([...store.snapshot().keys()], ['default/dns-2', 'default/old']);
  for (const wrong of [undefined, {}, [{}], [{ containerID: '' }], ['of-dns-2']]) {
    const answer = await collect(wrong);
    t.deepEqual([answer.status, answer.body.error.code], [400, 'FLOCK_REQUEST_INVALID']);
  }
  t.is((await ask('POST', '/v1/collect', ' '.repeat(2 << 20))).status, 413);
  t.is((await ask('GET', '/v1/collect')).headers.allow, 'POST');
  t.is(store.snapshot().size, 2);
  t.deepEqual((await collect([])).body, { collected: ['default/dns-2'] });
});

test('a precondition that is misspelled, empty or given twice deletes nothing', async t => {
  const { ask } = await serve(t);
  await ask('PUT', url, body);
  for (const query of ['containerID=c2', 'uid=', 'uid=8a6e2c1e&uid=other']) {
    const answer = await ask('DELETE', `${url}?${query}`);
    t.is(answer.status, 400, query);
    t.is(answer.body.error.code, 'FLOCK_REQUEST_INVALID');
  }
  t.is((await ask('GET', url)).status, 200);
});

for (const [what, sent, named] of [
  ['that is not JSON', '{', 'not JSON'],
  ['that is empty', '', 'not JSON'],
  ['that is no object', '[]', 'expected object'],
  ['with a missing field', { ...body, uid: undefined }, 'uid:'],
  ['with an unknown field', { ...body, colour: 'red' }, 'colour'],
  ['with a wrong state', { ...body, state: 'almost' }, 'state:'],
  ['with an interface name that is none', { ...body, hostInterface: '../eth0' }, 'hostInterface:'],
  ['of another pod', { ...body, name: 'dns-2' }, 'name: dns-2 contradicts the path'],
  ['with an IPv6 address for IPv4', { ...body, ipv4: 'fd00::1' }, 'ipv4: "fd00::1"'],
  [
    'with an anycast prefix',
    { ...body, anycast: ['192.0.2.53', '192.0.2.0/24'] },
    'anycast.1: "192.0.2.0/24"',
  ],
  ['with a multicast address', { ...body, addresses: ['ff02::1'] }, 'addresses.0: ff02::1 is a multicast'],
] as const) {
  test(`a body ${what} is refused by its field, and changes nothing`, async t => {
    const { ask } = await serve(t);
    const answer = await ask('PUT', url, sent);
    t.is(answer.status, 400);
    t.true(answer.body.error.message.includes(named), answer.body.error.message);
    t.truthy(answer.body.error.remedy);
    t.deepEqual((await ask('GET', '/v1/allocations')).body, { allocations: [] });
  });
}

test('a name that no pod can have is refused', async t => {
  const { ask } = await serve(t);
  for (const name of ['Upper', 'a%2Fb', '%00'])
    t.is((await ask('PUT', `/v1/allocations/default/${name}`, body)).status, 400, name);
});

test('a body beyond 64 KiB is refused and answered', async t => {
  const { ask } = await serve(t);
  const answer = await ask('PUT', url, { ...body, anycast: [' '.repeat(200_000)] });
  t.is(answer.status, 413);
});

test('unknown routes are 404, unknown methods 405 with those that there are', async t => {
  const { ask } = await serve(t);
  for (const path of [
    '/',
    '/v1',
    '/v1/allocations/default',
    `${url}/uid`,
    '/v1/allocations//x',
    '/v2/allocations',
  ])
    t.is((await ask('GET', path)).status, 404, path);
  const answer = await ask('POST', url, body);
  t.is(answer.status, 405);
  t.is(answer.headers.allow, 'GET, PUT, DELETE');
  t.is((await ask('DELETE', '/v1/allocations')).headers.allow, 'GET');
});

test('a file that can not be written is an error of ours, nothing changes, and the next request is served', async t => {
  const { ask, file } = await serve(t);
  mkdirSync(`${file}.new`);
  const answer = await ask('PUT', url, body);
  t.is(answer.status, 500);
  t.is(answer.body.error.code, 'FLOCK_ALLOCATIONS_UNWRITABLE');
  t.is((await ask('GET', url)).status, 404);
  rmSync(`${file}.new`, { recursive: true });
  t.is((await ask('PUT', url, body)).status, 200);
});

test('many at once are all durable, one after the other', async t => {
  const { ask, file } = await serve(t);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => ask('PUT', `/v1/allocations/default/dns-${index}`, body)),
  );
  t.true(answers.every(({ status }) => status === 200));
  t.is(JSON.parse(readFileSync(file, 'utf8')).allocations.length, 50);
});

test('the socket is for its owner and group in a folder for them, and goes with the API', async t => {
  const { path, folder, api } = await serve(t);
  t.is(statSync(path).mode & 0o777, 0o660);
  t.is(statSync(join(folder, 'run')).mode & 0o777, 0o750);
  await api.stop();
  t.throws(() => statSync(path), { code: 'ENOENT' });
});

test('what a killed program left is replaced; a living one, or a file that is no socket, is not', async t => {
  const first = await serve(t);
  const error = await t.throwsAsync(serve(t, first.folder), { code: 'FLOCK_API_UNAVAILABLE' });
  t.regex(error?.message ?? '', /another program listens/);
  t.is((await first.ask('GET', '/v1/allocations')).status, 200, 'and is not disturbed');

  const folder = folderOf(t);
  mkdirSync(join(folder, 'run'));
  writeFileSync(join(folder, 'run', 'api.sock'), 'precious');
  await t.throwsAsync(serve(t, folder), { code: 'FLOCK_API_UNAVAILABLE', message: /not a socket/ });
  t.is(readFileSync(join(folder, 'run', 'api.sock'), 'utf8'), 'precious');
});

test('a path too long for a socket is named', async t => {
  const log = createLog('silent');
  const path = join(folderOf(t), 'x'.repeat(120));
  const store = new AllocationStore({ path: '/nowhere', log });
  const error = await t.throwsAsync(new AllocationApi({ store, path, log }).start(), {
    code: 'FLOCK_API_UNAVAILABLE',
  });
  t.true(error?.message.includes(path));
});

test('a client that stalls keeps neither others nor the end waiting', async t => {
  const { path, ask, api } = await serve(t);
  const client = connect({ path });
  client.on('error', () => undefined);
  client.write(`PUT ${url} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{`);
  await new Promise(resolve => client.once('ready', resolve));
  t.is((await ask('PUT', url, body)).status, 200);
  const left = new Promise(resolve => client.once('close', resolve));
  await api.stop();
  await left;
  t.pass();
});

test('the documentation has the very schema that is enforced', t => {
  const { schemas } = documented.components;
  const plain = (schema: z.ZodType, io: 'input' | 'output') => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
    return JSON.parse(JSON.stringify(rest));
  };
  t.deepEqual(schemas.AllocationBody, plain(allocationBodySchema, 'input'));
  t.deepEqual(schemas.Allocation, plain(allocationSchema, 'output'));
});

test('it notices that its socket was removed, and is reached again when it is started again', async t => {
  const { path, api, ask } = await serve(t);
  t.true(await api.isReachable());
  rmSync(path);
  t.false(await api.isReachable());
  await api.stop();
  await api.start();
  t.true(await api.isReachable());
  t.is((await ask('GET', '/v1/allocations')).status, 200);
});

test('a socket left by a killed process is no obstacle', async t => {
  const folder = folderOf(t);
  const path = join(folder, 'run', 'api.sock');
  mkdirSync(join(folder, 'run'));
  const child = spawn(process.execPath, [
    '-e',
    `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('ready'))`,
  ]);
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise(resolve => child.stdout.once('data', resolve));
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  t.true(statSync(path).isSocket());
  const { ask } = await serve(t, folder);
  await eventually('an answer', async () => (await ask('GET', '/v1/allocations')).status === 200);
});
