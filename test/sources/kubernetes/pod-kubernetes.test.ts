/** The Kubernetes source against a server that misbehaves on command. The real one: test/e2e. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { KubernetesPods } from '../../../lib/sources/kubernetes/kubernetes-pods.ts';
import { PodCache } from '../../../lib/sources/pods/pod-cache.ts';
import {
  type Answer,
  bookmark,
  event,
  follow,
  kubeconfigText,
  listOf,
  pod,
  refuse,
  send,
  sendUntilTimeout,
  wait,
} from '../../support/followed-pods.ts';
import { eventually } from '../../support/lab.ts';

/** Whether requests go on, after three of them with 40 ms between two at least. For a test that runs alone: loops slow each other. */
async function isPatient(requests: readonly unknown[]): Promise<boolean> {
  await eventually('a few tries', () => requests.length >= 3);
  const began = performance.now();
  const before = requests.length;
  await wait(300);
  return requests.length - before <= 1 + (performance.now() - began) / 40;
}

test('a list from the server’s memory, then a watch from its version with bookmarks and a time-out', async t => {
  const { pods, cache, lists, watches, ready, news } = await follow(t);
  await pods.start();
  await eventually('a watch', () => watches.length === 1);
  t.true(cache.synced);
  t.true(ready('a'));
  t.is(lists[0]?.get('fieldSelector'), 'spec.nodeName=node-a');
  t.is(lists[0]?.get('resourceVersion'), '0');
  t.is(watches[0]?.get('resourceVersion'), '10');
  t.is(watches[0]?.get('allowWatchBookmarks'), 'true');
  const seconds = Number(watches[0]?.get('timeoutSeconds'));
  t.true(seconds >= 300 && seconds <= 600);
  await eventually('the line that says so', () =>
    news().some(line => /following the pods of node-a/.test(line)),
  );
});

test('events split anywhere, several in a chunk and between bytes of a letter, arrive whole', async t => {
  const { pods, api, cache } = await follow(t);
  const name = 'b';
  const strange = { ...pod(name), spec: { nodeName: 'nöde-🐑' } };
  const bytes = Buffer.from(
    event('ADDED', strange) + event('MODIFIED', pod('a', false)) + event('ADDED', pod('c')),
  );
  api.watch = async response => {
    response.writeHead(200);
    for (let at = 0; at < bytes.length; at += 7) {
      response.write(bytes.subarray(at, at + 7));
      await new Promise(resolve => setImmediate(resolve));
    }
  };
  await pods.start();
  await eventually('the last', () => cache.snapshot().has('dns/c'));
  t.is(cache.snapshot().get('dns/b')?.nodeName, 'nöde-🐑');
  t.false(cache.snapshot().get('dns/a')?.ready);
});

test('DELETED removes, and an unknown pod with it nothing', async t => {
  const { pods, api, cache } = await follow(t);
  api.watch = send(event('DELETED', pod('zzz')), event('DELETED', pod('a')));
  await pods.start();
  await eventually('no pod', () => cache.synced && cache.snapshot().size === 0);
  t.pass();
});

test('a pod deleted and made again under its name is another pod', async t => {
  const { pods, api, cache } = await follow(t);
  const again = { ...pod('a', false), metadata: { ...pod('a').metadata, uid: 'uid-second' } };
  api.watch = send(event('DELETED', pod('a')), event('ADDED', again));
  await pods.start();
  await eventually('the second', () => cache.snapshot().get('dns/a')?.uid === 'uid-second');
  t.pass();
});

test('a watch that ends in order is begun again where a bookmark stood', async t => {
  const { pods, api, lists, watches, warnings } = await follow(t, { watchSeconds: 1 });
  api.watch = sendUntilTimeout(bookmark('77'));
  await pods.start();
  await eventually('the second watch', () => watches.length === 2);
  t.is(watches[1]?.get('resourceVersion'), '77');
  t.is(lists.length, 1);
  t.deepEqual(warnings(), []);
});

test.serial('a watch the server ends at once is not asked for without a pause', async t => {
  const { pods, api, watches } = await follow(t);
  api.watch = response => void response.writeHead(200).end();
  await pods.start();
  t.true(await isPatient(watches), `${watches.length} watches`);
});

for (const [what, gone] of [
  ['as an event', send(event('ERROR', { kind: 'Status', code: 410, message: 'too old' }))],
  ['as a status', refuse(410, 'too old')],
] as const) {
  test(`410 ${what} leads to a fresh list at once, and is no loss`, async t => {
    const { pods, api, lists, watches, ready, warnings } = await follow(t, { watchSeconds: 1 });
    // A version that has grown old: given by a list, and bookmarked since.
    api.watch = (response, query) => {
      api.watch = gone;
      sendUntilTimeout(bookmark('11'))(response, query);
    };
    await pods.start();
    await eventually('the first watch', () => watches.length === 1);
    api.list = (response, query) => {
      api.watch = send();
      listOf('90', pod('b', false))(response, query);
    };
    await eventually('the fresh list', () => ready('b') === false);
    t.is(ready('a'), undefined);
    t.is(lists.length, 2);
    t.is(lists[1]?.get('resourceVersion'), '11');
    await eventually('a watch from it', () => watches.at(-1)?.get('resourceVersion') === '90');
    t.deepEqual(warnings(), []);
  });
}

test.serial('410 each time is no hot loop', async t => {
  const { pods, api, lists } = await follow(t);
  api.watch = send(event('ERROR', { kind: 'Status', code: 410, message: 'too old' }));
  await pods.start();
  t.true(await isPatient(lists), `${lists.length} lists`);
});

test('a server that has not come to our version is asked for the newest it has', async t => {
  const { pods, api, lists, cache, warnings } = await follow(t);
  api.list = (response, query) =>
    query.get('resourceVersion') === ''
      ? listOf('5', pod('a'))(response, query)
      : refuse(504)(response, query);
  await pods.start();
  await eventually('a list', () => cache.synced);
  t.deepEqual(
    lists.map(query => query.get('resourceVersion')),
    ['0', ''],
  );
  t.deepEqual(warnings(), []);
});

for (const [what, garbage] of Object.entries({
  'a line that is no JSON': '<html>\n',
  'truncated JSON and the end': '{"type":"MODIFIED","obj',
  'JSON that is no event': '[]\n',
  'an event of nothing': '{"type":"MODIFIED","object":{}}\n',
  'an event nobody knows': event('RENAMED', pod('a')),
})) {
  test(`${what} is said once, leads to a fresh list, and loses no pod`, async t => {
    const { pods, api, lists, ready, warnings, news } = await follow(t);
    api.watch = response => void response.writeHead(200).end(garbage);
    await pods.start();
    await eventually('a fresh list', () => lists.length >= 3);
    t.true(ready('a'));
    t.is(warnings()[0]?.code, 'FLOCK_KUBERNETES_UNREACHABLE');
    api.watch = send(event('MODIFIED', pod('a', false)));
    await eventually('good events count', () => ready('a') === false);
    await eventually('the recovery', () => news().some(line => /again after/.test(line)));
  });
}

for (const [what, list] of Object.entries({
  'is not JSON': response => void response.end('<html>'),
  'has no items': response => void response.end('{"metadata":{"resourceVersion":"1"}}'),
  'is null': response => void response.end('null'),
  'breaks off': response => {
    response.writeHead(200, { 'content-length': '1000' }).write('{"items":[');
    setTimeout(() => response.destroy(), 10);
  },
} satisfies Record<string, Answer>)) {
  test(`a list that ${what} empties nothing and is asked for again`, async t => {
    const { pods, api, cache, lists } = await follow(t);
    api.list = list;
    await pods.start();
    await eventually('another try', () => lists.length >= 2);
    t.false(cache.synced);
    api.list = listOf('1', pod('a'));
    await eventually('a list', () => cache.synced);
    t.is(cache.snapshot().size, 1);
  });
}

for (const [status, kind] of [
  [401, 'token'],
  [403, 'RBAC'],
  [429, 'answer'],
  [500, 'answer'],
  [503, 'answer'],
] as const) {
  test.serial(
    `${status} is one line with its remedy, many tries with pauses, and one line when it is over`,
    async t => {
      const { pods, api, cache, lists, warnings, news } = await follow(t);
      api.list = refuse(status, 'go away');
      await pods.start();
      t.true(await isPatient(lists), `${lists.length} lists`);
      t.is(warnings().length, 1);
      t.regex(
        warnings()[0]?.event ?? '',
        new RegExp(`can not follow the pods of node-a: .*${status}: go away`),
      );
      t.regex(warnings()[0]?.remedy ?? '', new RegExp(kind));
      api.list = listOf('1');
      await eventually('a list', () => cache.synced);
      await eventually('the recovery', () => news().filter(line => /again after/.test(line)).length === 1);
      t.is(warnings().length, 1);
    },
  );
}

test('a server that asks for a pause is given it', async t => {
  const { pods, api, lists } = await follow(t, { longestPauseMs: 1000 });
  const asked: number[] = [];
  api.list = (response, query) => {
    asked.push(performance.now());
    refuse(429, 'busy', { 'retry-after': '1' })(response, query);
  };
  await pods.start();
  await eventually('a second try', () => lists.length === 2);
  const [first = 0, second = 0] = asked;
  t.true(second - first >= 990, `${second - first} ms`);
});

test('nodes that are asked for the same pause do not come back in step', async t => {
  const sources = await Promise.all(Array.from({ length: 10 }, () => follow(t, { longestPauseMs: 1000 })));
  const asked = sources.map(({ api }) => {
    const times: number[] = [];
    api.list = (response, query) => {
      times.push(performance.now());
      refuse(429, 'busy', { 'retry-after': '1' })(response, query);
    };
    return times;
  });
  await Promise.all(sources.map(({ pods }) => pods.start()));
  let spread = 0;
  // Where this process waited for its turn they all come when it has it: then again.
  for (let round = 1; spread <= 100 && round <= 20; round++) {
    await eventually('all to come back', () => asked.every(times => times.length > round));
    const pauses = asked.map(times => (times[round] ?? 0) - (times[round - 1] ?? 0));
    t.true(Math.min(...pauses) >= 990, `${pauses}`);
    spread = Math.max(...pauses) - Math.min(...pauses);
  }
  t.true(spread > 100, `${spread} ms`);
});

for (const [what, end] of Object.entries({
  'is cut': response => response.destroy(),
  'ends before its time': response => response.end(),
} satisfies Record<string, (response: ServerResponse) => void>)) {
  test(`a watch that ${what} loses no pod, and is followed by a list no older than what was seen`, async t => {
    const { pods, api, lists, watches, cache, ready, warnings } = await follow(t);
    let keptUntilListed = 0;
    api.watch = response => {
      api.watch = send();
      api.list = (again, query) => {
        keptUntilListed = cache.snapshot().size;
        listOf('43', pod('a', false), pod('b'))(again, query);
      };
      response.writeHead(200).write(bookmark('42'));
      setTimeout(() => end(response), 50);
    };
    await pods.start();
    await eventually('what was missed', () => ready('a') === false && ready('b'));
    t.is(keptUntilListed, 1);
    t.is(warnings().length, 1);
    t.is(lists[1]?.get('resourceVersion'), '42');
    await eventually('a watch from there', () => watches[1]?.get('resourceVersion') === '43');
    t.regex(warnings()[0]?.event ?? '', /the connection was cut|ended the watch before its time/);
  });
}

test('a server that has too much to do is not asked for a list besides', async t => {
  const { pods, api, lists, watches } = await follow(t);
  api.watch = refuse(429, 'busy');
  await pods.start();
  await eventually('a few tries', () => watches.length >= 3);
  t.is(lists.length, 1);
});

test('a watch that falls silent is begun again, and bookmarks count as life', async t => {
  const { pods, api, watches, warnings } = await follow(t, { idleMs: 1000 });
  await pods.start();
  await eventually('a third watch', () => watches.length === 3);
  api.watch = response => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(bookmark('50')), 50);
    response.on('close', () => clearInterval(timer));
  };
  await eventually('a watch with signs of life', () => watches.length === 4);
  await wait(1500);
  t.is(watches.length, 4);
  t.deepEqual(warnings(), []);
});

test('a server that takes requests and never answers is a loss', async t => {
  const { pods, api, warnings } = await follow(t, { answerMs: 100 });
  api.list = () => {};
  await pods.start();
  await eventually('a warning', () => warnings().length > 0);
  t.regex(warnings()[0]?.event ?? '', /sent nothing for 100 ms/);
});

test.serial('a list that takes its time is waited for as long as it goes on', async t => {
  const { pods, api, cache, lists } = await follow(t, { answerMs: 3000 });
  api.list = async (response, query) => {
    for (let letter = 0; letter < 30; letter++) {
      response.write(' ');
      await wait(120);
    }
    listOf('1', pod('a'))(response, query);
  };
  await pods.start();
  await eventually('the list', () => cache.synced);
  t.is(lists.length, 1);
});

test('an event that comes in drops without an end is a loss', async t => {
  const { pods, api, lists, warnings } = await follow(t, { wholeMs: 300 });
  api.watch = response => {
    response.writeHead(200).write(bookmark('11'));
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  };
  await pods.start();
  await eventually('a fresh list', () => lists.length >= 2);
  t.regex(warnings()[0]?.event ?? '', /did not complete its answer/);
});

test.serial('events without a pause between them are no loss, however long they last', async t => {
  const { pods, api, ready, warnings } = await follow(t, { wholeMs: 3000 });
  const text = Array.from({ length: 30 }, (_, index) => event('MODIFIED', pod('a', true, `${11 + index}`)));
  // Cut so that a line is always under way.
  const pieces = (text.join('') + event('MODIFIED', pod('a', false, '90'))).match(/.{1,100}/gs) ?? [];
  api.watch = async response => {
    response.writeHead(200);
    for (const piece of pieces) {
      response.write(piece);
      await wait(80);
    }
  };
  await pods.start();
  await eventually('the last', () => ready('a') === false);
  t.deepEqual(warnings(), []);
});

test('nobody listening at the start is not fatal', async t => {
  const { pods, server, cache, warnings } = await follow(t);
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  await pods.start();
  await eventually('a warning', () => warnings().length === 1);
  t.regex(warnings()[0]?.event ?? '', /ECONNREFUSED/);
  t.false(cache.synced);
  server.listen(port, '127.0.0.1');
  await eventually('a list', () => cache.synced);
});

test('a pod that can not be understood stays as it was, and is told once', async t => {
  const { pods, api, ready, warnings } = await follow(t);
  const broken = { ...pod('a', false), spec: { hostNetwork: 'perhaps' } };
  api.watch = send(event('MODIFIED', broken), event('MODIFIED', broken), event('ADDED', pod('b')));
  await pods.start();
  await eventually('what came later', () => ready('b'));
  t.true(ready('a'));
  t.is(warnings().length, 1);
  t.regex(warnings()[0]?.event ?? '', /pod dns\/a: spec\.hostNetwork is "perhaps"/);
});

for (const [when, prepare] of Object.entries({
  'while it watches': api => api,
  'while a list hangs': api => Object.assign(api, { list: () => {} }),
  'while it pauses': api => Object.assign(api, { list: refuse(500) }),
} satisfies Record<string, (api: { list: Answer; watch: Answer }) => unknown>)) {
  test.serial(`stop ${when} leaves neither timers nor sockets`, async t => {
    const { pods, api, server, lists } = await follow(t, { firstPauseMs: 600_000, longestPauseMs: 600_000 });
    prepare(api);
    const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
    const connections = () =>
      new Promise<number>((resolve, reject) => server.getConnections((e, n) => (e ? reject(e) : resolve(n))));
    const before = timers();
    await pods.start();
    await eventually('a request', () => lists.length === 1);
    await wait(50);
    pods.stop();
    // Long before a pause is over.
    await eventually(
      () => `the end of timers: ${timers()}, ${before} before`,
      () => timers() <= before,
    );
    await eventually('the end of connections', async () => (await connections()) === 0);
    t.is(lists.length, 1);
  });
}

for (const [what, text, words] of [
  ['is not YAML', '{', /kubeconfig .*config: /],
  [
    'has no current context',
    kubeconfigText({ server: 'https://127.0.0.1' }).replace('"current-context":"test",', ''),
    /current-context/,
  ],
  ['has no server', kubeconfigText({}), /server: is missing/],
  ['has a server that is no URL', kubeconfigText({ server: 'nowhere' }), /server: "nowhere" is not an http/],
  [
    'names a missing CA',
    kubeconfigText({ server: 'https://h', 'certificate-authority': 'no.crt' }),
    /no\.crt/,
  ],
  [
    'has a broken CA',
    kubeconfigText({ server: 'https://h', 'certificate-authority-data': 'eHg=' }),
    /kubeconfig/,
  ],
  ['names a missing token', kubeconfigText({ server: 'https://h' }, { tokenFile: 'no.token' }), /no\.token/],
  ['would send a token in the clear', kubeconfigText({ server: 'http://h' }, { token: 'x' }), /in the clear/],
  ['wants a proxy', kubeconfigText({ server: 'https://h', 'proxy-url': 'http://p' }), /proxy-url/],
  ['wants OIDC', kubeconfigText({ server: 'https://h' }, { 'auth-provider': { name: 'oidc' } }), /oidc/],
] as const) {
  test(`a kubeconfig that ${what} is refused at the start`, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'flock-kube-'));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    const kubeconfig = join(dir, 'config');
    writeFileSync(kubeconfig, text);
    const log = pino({ level: 'silent' });
    const pods = new KubernetesPods({ nodeName: 'node-a', kubeconfig, cache: new PodCache(), log });
    t.teardown(() => pods.stop());
    const error = await t.throwsAsync(pods.start(), { code: 'FLOCK_CONFIG_INVALID' });
    t.regex(error?.message ?? '', words);
    t.true(error?.message.includes(kubeconfig));
  });
}
