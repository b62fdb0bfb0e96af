import test from 'ava';
import type { AllocationView } from '../../lib/desired/views.ts';
import { type ClaimingPod, PermittedAllocations } from '../../lib/policy/permitted-allocations.ts';
import { AddressPolicy, type Refusal } from '../../lib/policy/policy.ts';

/** A source that a test writes. */
class Table<Value> {
  readonly values = new Map<string, Value>();
  readonly #listeners = new Set<(keys: ReadonlySet<string>) => void>();
  synced = true;

  snapshot() {
    return this.values;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(key: string, value: Value | undefined) {
    if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
    for (const listener of this.#listeners) listener(new Set([key]));
  }
}

const pod: ClaimingPod = {
  ...{ uid: 'u', ready: true, terminating: false, namespace: 'dns', serviceAccount: 'default' },
};
const allocation: AllocationView = {
  uid: 'u',
  hostInterface: 'p0',
  ipv4: '10.0.0.2',
  anycast: ['192.0.2.53', '198.51.100.1'],
  addresses: ['192.0.2.54'],
  state: 'committed',
};

function judged(reserved: string[] | undefined = []) {
  const allocations = new Table<AllocationView>();
  const pods = new Table<ClaimingPod>();
  const told: [string, string[]][] = [];
  const changed: string[][] = [];
  let policy: AddressPolicy | undefined = policyOf(['192.0.2.0/24'], reserved);
  const permitted = new PermittedAllocations({
    allocations,
    pods,
    policy: () => policy,
    namespaceLabels: () => ({}),
    onRefusals: (key, refusals: readonly Refusal[]) => told.push([key, refusals.map(({ reason }) => reason)]),
  });
  permitted.onChange(keys => changed.push([...keys]));
  const setPolicy = (next: AddressPolicy | undefined) => {
    policy = next;
    permitted.judgeAll();
  };
  return { allocations, pods, permitted, told, changed, setPolicy };
}

function policyOf(cidrs: string[], reserved: string[] | undefined) {
  const none = new Set<string>();
  const pool = { name: 'dns', cidrs, namespaces: { names: ['dns'] }, exclusive: false };
  return new AddressPolicy({
    pools: [pool],
    reserved,
    node: none,
    peers: none,
    gateways: none,
    apiServer: none,
  });
}

test('refused addresses are taken out of an allocation, and told once', t => {
  const { allocations, pods, permitted, told } = judged();
  allocations.put('dns/a', allocation);
  t.deepEqual([...permitted.snapshot()], [], 'whose it is nobody knows yet');
  pods.put('dns/a', pod);
  t.deepEqual(permitted.snapshot().get('dns/a'), { ...allocation, anycast: ['192.0.2.53'] });
  pods.put('dns/a', { ...pod, ready: false });
  t.deepEqual(told, [['dns/a', ['OutsidePools']]]);
  t.is(permitted.refusals().get('dns/a')?.[0]?.address, '198.51.100.1');
});

test('another policy judges all again, and only what it changes is told', t => {
  const { allocations, pods, permitted, told, changed, setPolicy } = judged();
  allocations.put('dns/a', allocation);
  pods.put('dns/a', pod);
  changed.length = 0;
  setPolicy(policyOf(['192.0.2.0/24'], []));
  t.deepEqual(changed, [[]]);
  setPolicy(policyOf(['192.0.2.0/24', '198.51.100.0/24'], []));
  t.is(permitted.snapshot().get('dns/a'), allocation);
  setPolicy(policyOf(['192.0.2.0/24'], undefined));
  t.deepEqual(permitted.snapshot().get('dns/a')?.addresses, []);
  t.deepEqual(changed, [[], ['dns/a'], ['dns/a']]);
  t.deepEqual(
    told.map(([, reasons]) => reasons),
    [['OutsidePools'], [], ['ReservedNotSet', 'ReservedNotSet', 'ReservedNotSet']],
  );
});

test('a policy that is not known yet keeps everything unsynced, and then judges what is there', t => {
  const { allocations, pods, permitted, setPolicy } = judged();
  setPolicy(undefined);
  allocations.put('dns/a', allocation);
  pods.put('dns/a', pod);
  t.false(permitted.synced);
  t.is(permitted.snapshot().size, 0);
  setPolicy(policyOf(['192.0.2.0/24'], []));
  t.true(permitted.synced);
  t.is(permitted.snapshot().size, 1);
});

test('a pod that goes takes its allocation and its refusals along', t => {
  const { allocations, pods, permitted, told } = judged();
  allocations.put('dns/a', allocation);
  pods.put('dns/a', pod);
  pods.put('dns/a', undefined);
  t.is(permitted.snapshot().size, 0);
  t.is(permitted.refusals().size, 0);
  t.deepEqual(told.at(-1), ['dns/a', []]);
});

test('the unicast address of a pod is refused to all others for as long as the pod has it', t => {
  const { allocations, pods, permitted, told } = judged();
  allocations.put('dns/a', allocation);
  pods.put('dns/a', { ...pod, podIPs: ['10.0.0.2'] });
  t.deepEqual(permitted.snapshot().get('dns/a')?.anycast, ['192.0.2.53']);
  // Its address comes later than the request for it, in another spelling.
  pods.put('web/b', { ...pod, uid: 'b', namespace: 'web', podIPs: ['192.0.2.53'] });
  t.deepEqual(permitted.snapshot().get('dns/a')?.anycast, []);
  t.deepEqual(told.at(-1)?.[1].includes('PodAddress'), true);
  pods.put('web/b', {
    ...pod,
    uid: 'b',
    namespace: 'web',
    podIPs: ['192.0.2.53'],
    containersTerminated: true,
  });
  t.deepEqual(permitted.snapshot().get('dns/a')?.anycast, ['192.0.2.53'], 'a pod that has ended has none');
  const unicast = { ...allocation, uid: 'b', ipv4: '::ffff:192.0.2.54', anycast: [], addresses: [] };
  pods.put('web/b', { ...pod, uid: 'b', namespace: 'web' });
  allocations.put('web/b', unicast);
  t.deepEqual(permitted.snapshot().get('dns/a')?.addresses, [], 'that of an allocation, too');
  pods.put('web/b', undefined);
  t.deepEqual(permitted.snapshot().get('dns/a')?.addresses, ['192.0.2.54']);
});

test('two pods that request the same address keep it, also where the runtime reports it among their addresses', t => {
  const { allocations, pods, permitted } = judged();
  for (const key of ['dns/a', 'dns/b']) {
    allocations.put(key, { ...allocation, anycast: ['192.0.2.53'], addresses: [] });
    pods.put(key, { ...pod, podIPs: ['10.0.0.2', '192.0.2.53'] });
  }
  for (const key of ['dns/a', 'dns/b']) t.deepEqual(permitted.snapshot().get(key)?.anycast, ['192.0.2.53']);
});
