import test from 'ava';
import { pino } from 'pino';
import { z } from 'zod';
import { parseAddress } from '../../lib/base/address.ts';
import { describeIssues } from '../../lib/base/describe-issues.ts';
import { quoted, shortened } from '../../lib/base/quoted.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { contributionOf } from '../../lib/desired/contribution.ts';
import { requestedDrainProblem } from '../../lib/desired/drain.ts';
import { weightProblem } from '../../lib/desired/weight.ts';
import { AddressPolicy } from '../../lib/policy/policy.ts';
import { parseAllocationFile } from '../../lib/sources/allocations/allocation.ts';
import { answerRequest } from '../../lib/sources/allocations/allocation-requests.ts';
import { AllocationStore } from '../../lib/sources/allocations/allocation-store.ts';
import { addressesAskedFor } from '../../lib/sources/allocations/anycast-annotation.ts';
import { podFromManifest } from '../../lib/sources/pods/pod.ts';

test('a text is quoted whole up to a bound, and beyond it says how long it is', t => {
  t.is(quoted('a "b"\n'), '"a \\"b\\"\\n"');
  t.is(quoted('x'.repeat(5), 3), '"xxx"… (5 characters)');
  t.is(shortened('xxxxx', 3), 'xxx… (5 characters)');
  t.is(quoted(['x']), '["x"]');
  t.is(quoted(undefined), 'undefined');
  t.is(quoted('😀😀', 3), '"😀\\ud83d"… (4 characters)', 'half a character is escaped');
});

test('a value that is nested too deeply to be written is named, not fatal', t => {
  let deep: unknown = 0;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  t.is(quoted(deep), 'a value that is nested too deeply');
});

/** What the author of a pod, a manifest or a request decides: text of the length of an annotation's limit. */
const long = 'x'.repeat(256 * 1024);
const pod = (annotations: Record<string, string>) => ({
  ...{ uid: 'u', ready: true, terminating: false, annotations },
});
const allocation = {
  ...{ uid: 'u', hostInterface: 'veth0', ipv4: long, ipv6: long, addresses: [], state: 'committed' as const },
  anycast: [long],
};
const thrown = (act: () => unknown): string[] => {
  try {
    act();
  } catch (error) {
    const { message, remedy = '' } = error as { message: string; remedy?: string };
    return [message, remedy];
  }
  return [];
};
const drainPolicy = { terminatingMs: 0, longestMs: 0, notReadyMs: 0 };
const claimant = { namespace: 'ns', namespaceLabels: {}, serviceAccount: 'default' };
const policy = new AddressPolicy({
  ...{
    gateways: new Set<string>(),
    pools: [],
    reserved: [],
    node: new Set<string>(),
    peers: new Set<string>(),
    apiServer: new Set<string>(),
  },
});
const request = async (method: string, url: string, body = '') =>
  JSON.stringify(
    await answerRequest(new AllocationStore({ path: '/', log: pino({ level: 'silent' }) }), {
      method,
      url,
      body,
    }),
  );

for (const [what, messages] of [
  ['a weight', () => [weightProblem(pod({ 'flock-anycast.io/weight': long })) ?? '']],
  [
    'a drain',
    () => [requestedDrainProblem(pod({ 'flock-anycast.io/drain-seconds': long }), drainPolicy) ?? ''],
  ],
  ['an address', () => thrown(() => parseAddress(long))],
  ['an allocation', () => contributionOf('ns/pod', allocation).warnings.flatMap(each => Object.values(each))],
  [
    'an annotation',
    () => addressesAskedFor({ k: `${long},::1` }, ['k'])?.reasons.flatMap(each => Object.values(each)) ?? [],
  ],
  [
    'one address too many',
    () => {
      const many = Array.from({ length: 65 }, (_, n) => `192.0.2.${n + 1}`).join();
      return addressesAskedFor({ k: many }, ['k'])?.reasons.flatMap(each => Object.values(each)) ?? [];
    },
  ],
  ['a request of a pod', () => Object.values(policy.refusalOf(claimant, long) ?? {})],
  ['a manifest', () => thrown(() => podFromManifest({ metadata: { name: long, uid: 'u' } }, 'pod'))],
  [
    'a key of a manifest',
    () =>
      thrown(() => podFromManifest({ metadata: { name: 'a', uid: 'u', annotations: { [long]: 1 } } }, 'pod')),
  ],
  ['a key of a node config', () => thrown(() => parseNodeConfig(`${long}: 1`, 'file'))],
  [
    'many keys of a node config',
    () =>
      thrown(() =>
        parseNodeConfig(
          JSON.stringify({ bgp: { peers: Array(60).fill({ name: long, a: 1, b: 2 }) } }),
          'file',
        ),
      ),
  ],
  ['what is not YAML', () => thrown(() => parseNodeConfig(`a: *${long}`, 'file'))],
  ['what is not JSON', () => thrown(() => parseAllocationFile(`{"${long}`, 'file'))],
  ['the path of a request', () => request('GET', `/${long}`)],
  ['the body of a request', () => request('PUT', '/v1/allocations/ns/pod', `{"${long}": 1}`)],
  ['the address in a request', () => request('PUT', '/v1/allocations/ns/pod', JSON.stringify(allocation))],
] as const) {
  test(`a message about ${what} has a bounded length, whatever came`, async t => {
    const all = [await messages()].flat();
    t.true(all.length > 0 && all.some(text => text.length > 0));
    for (const text of all) t.true(text.length < 5000, `${text.length} characters: ${text.slice(0, 300)}`);
  });
}

test('of many wrong keys the first are named, and how many more there are', t => {
  const result = z.array(z.string()).safeParse(Array(1000).fill(1));
  t.regex(describeIssues(result.error as z.ZodError), /^0: .*; 19: [^;]*; and 980 more$/);
});
