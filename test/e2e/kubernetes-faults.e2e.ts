/**
 * A node's pods followed through a proxy in front of a real kube-apiserver, while one thing after the other goes
 * wrong. What is asked of the source is the same for each: it keeps what it knows, it does not hammer, it has the
 * truth soon after all is well again, and nothing is left over.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { queryObjects } from 'node:v8';
import test from 'ava';
import { Lifetime } from '../../lib/sources/kubernetes/request-lifetime.ts';
import type { Exchange } from '../support/api-exchange.ts';
import { ApiProxy, type Fault } from '../support/api-proxy.ts';
import { followNode } from '../support/followed-node.ts';
import type { ApiObject } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test);
const timing = { idleMs: 1000, answerMs: 500, wholeMs: 1000, firstPauseMs: 100, longestPauseMs: 400 };
/** The longest pause, and lists on a machine that has other things to do. */
const convergenceMs = 10_000;
/** Each try is a list and a watch, and the least pause after the third is half of the longest. */
const mostRequests = (ms: number) => 6 + (2 * ms) / (timing.longestPauseMs / 2);

interface Trouble extends Fault {
  /** What happens to the server itself meanwhile. */
  meanwhile?(server: KubeApiServer): Promise<unknown>;
}

const cut = (exchange: Exchange) => exchange.cut();
const fail = (exchange: Exchange) => exchange.refuse(500);
const postpone = (exchange: Exchange) => exchange.refuse(429, { 'retry-after': '1' });
const halfAnEvent = '{"type":"MODIFIED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"na';
const trickle = { bytes: 3, everyMs: 100 };

const troubles: Record<string, Trouble> = {
  'every connection is cut': { strike: cut, meet: cut },
  'every connection stays half-open': { strike: exchange => exchange.stall(), meet: () => {} },
  'bytes come in drops': {
    strike: exchange => exchange.slow(trickle),
    meet: exchange => exchange.pass({ drip: trickle }),
  },
  'the version is too old (410) each time': {
    strike: exchange => exchange.refuse(410),
    meet: exchange => (exchange.isWatch ? exchange.refuse(410) : exchange.pass()),
  },
  'the server fails (500)': { strike: fail, meet: fail },
  'the server has too much to do (429) and asks for a pause': {
    strike: postpone,
    meet: postpone,
  },
  'lines are garbage': {
    strike: exchange => exchange.end('<html>\n'),
    meet: exchange => exchange.end('<html>\n'),
  },
  'JSON is truncated': {
    strike: exchange => exchange.end(halfAnEvent),
    meet: exchange => exchange.pass({ most: 300 }),
  },
  'the server is started again': {
    strike: cut,
    meet: cut,
    meanwhile: async server => {
      await server.stopServer();
      await server.startServer();
    },
  },
  // Only "too many requests" keeps the version; after any other error the source lists, and never asks for an old version.
  'etcd is compacted and the server started again, while 429 has the source keep its version': {
    strike: postpone,
    meet: postpone,
    meanwhile: async server => {
      await server.stopServer();
      await server.compact();
      await server.startServer();
    },
  },
};

let server: KubeApiServer;

test.before(async t => {
  server = await start(t);
});

let tests = 0;

for (const [what, trouble] of Object.entries(troubles)) {
  test.serial(
    `while ${what}: the pods stay, few requests are made, and the truth is there soon after`,
    async t => {
      const proxy = await ApiProxy.start(server);
      t.teardown(() => proxy.close());
      const kubeconfig = join(dir, `proxy-${++tests}`);
      writeFileSync(kubeconfig, server.kubeconfig(server.token, proxy.url));
      const { node, pod, cache, warnings, news } = await followNode(t, { kubeconfig, timing });
      const named = (name: string) => `${name}-${tests}`;
      for (const name of ['stays', 'leaves']) {
        await server.createPod(node, named(name));
        await server.setPodReady(named(name), true);
        await eventually(name, () => pod(named(name))?.ready);
      }
      const requests = queryObjects(Lifetime, { format: 'count' });
      let leastPods = cache.snapshot().size;
      const off = cache.onChange(() => {
        leastPods = Math.min(leastPods, pod(named('stays')) ? cache.snapshot().size : 0);
      });

      const began = performance.now();
      const before = proxy.exchanges.length;
      proxy.misbehave(trouble);
      await server.deletePod(named('leaves'));
      await trouble.meanwhile?.(server);
      await server.setPodReady(named('stays'), false);
      await server.createPod(node, named('comes'));
      const asked = () => proxy.exchanges.length - before;
      await eventually('a third try', () => asked() >= 3 && performance.now() - began > 2000);
      const lasted = performance.now() - began;
      t.true(asked() <= mostRequests(lasted), `${asked()} requests in ${lasted.toFixed(0)} ms`);
      t.log(`${asked()} requests in ${lasted.toFixed(0)} ms`, ...warnings());

      proxy.heal();
      const healed = performance.now();
      const path = `/api/v1/pods?fieldSelector=spec.nodeName=${node}`;
      const truth = (await server.request('GET', path)).items.map((each: ApiObject) => [
        each.metadata.uid,
        each.status.conditions?.some(({ status }: ApiObject) => status === 'True') ?? false,
      ]);
      const known = () => [...cache.snapshot().values()].map(({ uid, ready }) => [uid, ready]);
      const isTrue = () => String(known().sort()) === String(truth.sort());
      await eventually(() => `${truth}, not ${known()}`, isTrue, { timeoutMs: convergenceMs });
      await server.setPodReady(named('comes'), true);
      await eventually('an event as ever', () => pod(named('comes'))?.ready, { timeoutMs: convergenceMs });
      t.log(`the truth, and events, ${(performance.now() - healed).toFixed(0)} ms after`);

      t.true(leastPods >= 1, 'a pod that was there all the while was not known for a moment');
      // On a slow machine an answer may come too late in between, which is a loss of another kind.
      const isRepeated = (line: string, index: number) => line === warnings()[index - 1];
      t.deepEqual(warnings().filter(isRepeated), [], 'one loss is one warning');
      const isTold = () => news().some(line => /again after/.test(line)) === warnings().length > 0;
      await eventually('the recovery told, if there was a loss', isTold);
      off();
      await eventually('no connection left but one', () => proxy.connections === 1);
      t.is(queryObjects(Lifetime, { format: 'count' }), requests, 'requests that something still holds');
    },
  );
}
