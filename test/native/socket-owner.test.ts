import { createServer } from 'node:net';
import test from 'ava';
import { socketOwner } from '../../lib/kernel/socket/route-socket.ts';

const name = (what: string) => `\0flock-test-${process.pid}-${what}`;

test('the owner of a listener is its process and user, though it does not answer', async t => {
  const server = createServer().listen({ path: name('listener') });
  t.teardown(() => server.close());
  await new Promise(resolve => server.once('listening', resolve));
  t.deepEqual(socketOwner(name('listener')), { pid: process.pid, uid: process.geteuid?.() ?? -1 });
});

test('where nothing listens, and for what can be no address, an error says so', t => {
  t.throws(() => socketOwner(name('nobody')), { code: 'ECONNREFUSED' });
  t.throws(() => socketOwner('/nowhere/socket'), { code: 'ENOENT' });
  t.throws(() => socketOwner('x'.repeat(109)), { code: 'ENAMETOOLONG' });
  t.throws(() => socketOwner(''), { code: 'ENAMETOOLONG' });
  t.throws(() => socketOwner(7 as unknown as string), { instanceOf: TypeError });
});

test('a listener whose clients leave no room is not waited for', async t => {
  const server = createServer().listen({ path: name('full'), backlog: 1 });
  t.teardown(() => server.close());
  await new Promise(resolve => server.once('listening', resolve));
  // The server accepts none of them before this loop is over.
  t.throws(() => Array.from({ length: 10 }, () => socketOwner(name('full'))), { code: 'EAGAIN' });
});
