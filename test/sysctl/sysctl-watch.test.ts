import test from 'ava';
import { handSysctls } from '../support/hand-sysctls.ts';
import { right, watched } from '../support/watched-settings.ts';

test('forwarding that is turned off is told once, makes its family unforwarded, and ends with one line', async t => {
  const { watch, values, pass, take } = watched();
  const seen: number[][] = [];
  watch.onChange(() => seen.push([...watch.unforwarded]));
  await watch.start();
  t.deepEqual(take(), []);
  values['net/ipv4/ip_forward'] = '0';
  for (let reading = 0; reading < 5; reading++) await pass(2000);
  t.deepEqual(take(), [
    'warn PREFLIGHT_FORWARDING net.ipv4.ip_forward is 0: this node does not forward IPv4, and announces none of its IPv4 addresses',
  ]);
  values['net/ipv4/ip_forward'] = '1';
  for (let reading = 0; reading < 5; reading++) await pass(2000);
  t.regex(take().join('\n'), /^info PREFLIGHT_FORWARDING no longer so: net\.ipv4\.ip_forward is 0.*$/);
  t.deepEqual(seen, [[4], []]);
  t.deepEqual(watch.findings, []);
});

test('while settings can not be read, what was found last stands, and one line says so', async t => {
  const state = { isFailing: false };
  const values: Record<string, string> = { ...right, 'net/ipv4/ip_forward': '0' };
  const sysctls = handSysctls(values);
  const read = (key: string) => {
    if (state.isFailing) throw Object.assign(new Error(`EMFILE: ${key}`), { code: 'EMFILE' });
    return sysctls.read(key);
  };
  const { watch, pass, take } = watched({ sysctls: { ...sysctls, read } });
  await watch.start();
  take();
  state.isFailing = true;
  for (let reading = 0; reading < 20; reading++) await pass(2000);
  t.deepEqual([...watch.unforwarded], [4]);
  t.deepEqual(take(), ["error  can not check the node's settings"]);
  state.isFailing = false;
  values['net/ipv4/ip_forward'] = '1';
  await pass(2000);
  t.is(watch.unforwarded.size, 0);
});

test('a setting that flaps is told once in ten minutes, and one that then stands is told', async t => {
  const { watch, values, pass, take } = watched();
  await watch.start();
  for (let flap = 0; flap < 200; flap++) {
    values['net/ipv4/ip_forward'] = String(flap % 2);
    await pass(2000);
  }
  t.is(take().length, 2, 'one beginning, one end');
  values['net/ipv4/ip_forward'] = '0';
  await pass(2000);
  t.deepEqual(take(), []);
  await pass(300_000);
  t.regex(take().join('\n'), /^warn PREFLIGHT_FORWARDING/);
});

test('what may be set is set again, and told once; where that is not permitted, it is a finding with the reason', async t => {
  const { watch, values, place, pass, take } = watched({ set: true });
  values['net/ipv4/ip_forward'] = '0';
  values['net/ipv6/fib_multipath_hash_policy'] = '0';
  await watch.start();
  t.is(values['net/ipv4/ip_forward'], '1');
  t.is(values['net/ipv6/fib_multipath_hash_policy'], '1');
  t.deepEqual(take(), [
    'info PREFLIGHT_FORWARDING set net.ipv4.ip_forward to 1; it was 0',
    'info PREFLIGHT_HASH_POLICY set net.ipv6.fib_multipath_hash_policy to 1; it was 0',
  ]);
  for (let fight = 0; fight < 20; fight++) {
    values['net/ipv4/ip_forward'] = '0';
    await pass(2000);
    t.is(values['net/ipv4/ip_forward'], '1');
  }
  t.deepEqual(take(), [], 'someone sets it back again and again');
  t.is(watch.unforwarded.size, 0);
  place.isReadOnly = true;
  values['net/ipv4/ip_forward'] = '0';
  await pass(2000);
  t.deepEqual([...watch.unforwarded], [4]);
  t.regex(take().join('\n'), /^warn PREFLIGHT_FORWARDING/);
});

test("a pod's interface is looked at when it is new, once more with the next reading, and at each audit", async t => {
  const { watch, values, pods, pass, take } = watched();
  await watch.start();
  const strict = (name: string) => {
    values[`net/ipv4/conf/${name}/rp_filter`] = '1';
  };
  pods.add('veth1').add('veth2').add('veth3');
  strict('veth1');
  watch.lookAt(['veth1', 'veth2', 'veth3']);
  await pass(20);
  t.regex(take().join('\n'), /^warn PREFLIGHT_RP_FILTER veth1 has strict/);
  // A CNI sets it a moment after.
  strict('veth2');
  await pass(2000);
  t.regex(take().join('\n'), /^warn PREFLIGHT_RP_FILTER veth2 has strict/);
  strict('veth3');
  await pass(2000);
  t.deepEqual(take(), []);
  for (let reading = 0; reading < 15; reading++) await pass(2000);
  t.regex(take().join('\n'), /^warn PREFLIGHT_RP_FILTER veth3 has strict/);
  t.is(watch.findings.length, 3);

  // The same name comes again, on another interface; and one that is no pod's.
  values['net/ipv4/conf/veth1/rp_filter'] = '0';
  strict('eth0');
  watch.linksChanged(['veth1', 'eth0']);
  await pass(20);
  t.regex(take().join('\n'), /^info PREFLIGHT_RP_FILTER no longer so: veth1 has strict/);

  pods.delete('veth2');
  delete values['net/ipv4/conf/veth2/rp_filter'];
  for (let reading = 0; reading < 16; reading++) await pass(2000);
  t.deepEqual(
    watch.findings.map(({ key }) => key),
    ['net/ipv4/conf/veth3/rp_filter'],
  );
});

test('of many alike some are told, and the others counted', async t => {
  const { watch, values, pods, pass, take } = watched();
  for (let index = 0; index < 300; index++) {
    pods.add(`veth${index}`);
    values[`net/ipv4/conf/veth${index}/rp_filter`] = '1';
  }
  await watch.start();
  const lines = take();
  t.is(lines.length, 11);
  t.regex(lines.at(-1) ?? '', /290 more like this/);
  t.is(watch.findings.length, 300);
  values['net/ipv4/conf/all/rp_filter'] = '2';
  await pass(30_000);
  const ends = take();
  t.is(ends.length, 11);
  t.regex(ends.at(-1) ?? '', /290 more like this are no longer so/);
});

test('IPv6 forwarding is not set where a default route by router advertisement would go', async t => {
  const links = ['eth0'];
  const { watch, values, pass, take } = watched({ set: true, advertisedDefaults: async () => links });
  values['net/ipv6/conf/all/forwarding'] = '0';
  values['net/ipv6/conf/eth0/accept_ra'] = '1';
  await watch.start();
  t.is(values['net/ipv6/conf/all/forwarding'], '0');
  t.deepEqual([...watch.unforwarded], [6]);
  t.deepEqual(
    take().map(line => line.split(' ')[1]),
    ['PREFLIGHT_ACCEPT_RA', 'PREFLIGHT_FORWARDING'],
  );
  values['net/ipv6/conf/eth0/accept_ra'] = '2';
  await pass(2000);
  t.is(values['net/ipv6/conf/all/forwarding'], '1');
  t.is(watch.unforwarded.size, 0);
});

test('where the kernel can not be asked for such routes, it is not set either', async t => {
  const failing = async () => {
    throw new Error('EINTR');
  };
  const { watch, values, pass, take } = watched({ set: true, advertisedDefaults: failing });
  values['net/ipv6/conf/all/forwarding'] = '0';
  values['net/ipv4/ip_forward'] = '0';
  await watch.start();
  await pass(2000);
  t.is(values['net/ipv6/conf/all/forwarding'], '0');
  t.is(values['net/ipv4/ip_forward'], '1');
  t.is(take().filter(line => line.includes('can not read where')).length, 1);
});

test('before it is known what is announced, nothing is set or told, and nothing is announced that is not forwarded', async t => {
  let known: Set<4 | 6> | undefined;
  const { watch, values, pods, pass, take } = watched({
    set: true,
    families: () => known ?? new Set([4, 6]),
    knowsUse: () => known !== undefined,
  });
  values['net/ipv4/ip_forward'] = '0';
  values['net/ipv6/conf/all/forwarding'] = '0';
  values['net/ipv4/conf/veth1/rp_filter'] = '1';
  pods.add('veth1');
  await watch.start();
  await pass(2000);
  t.deepEqual([...watch.unforwarded], [4, 6]);
  t.deepEqual(take(), []);
  t.is(values['net/ipv6/conf/all/forwarding'], '0');

  // Its peers carry IPv4 alone.
  known = new Set([4]);
  watch.lookAtAll();
  await pass(0);
  t.is(values['net/ipv4/ip_forward'], '1');
  t.is(values['net/ipv4/conf/veth1/rp_filter'], '2');
  t.is(values['net/ipv6/conf/all/forwarding'], '0');
  t.deepEqual([watch.unforwarded.size, watch.findings.length], [0, 0]);
  t.is(take().length, 2);
});

test('a stop waits for the look that is under way: the socket that it asks is closed after it', async t => {
  const answer = Promise.withResolvers<readonly string[]>();
  const { watch, values } = watched({ advertisedDefaults: () => answer.promise });
  values['net/ipv6/conf/all/forwarding'] = '0';
  const started = watch.start();
  let stopped = false;
  const stop = Promise.resolve(watch.stop()).then(() => {
    stopped = true;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
  t.false(stopped);
  answer.resolve([]);
  await Promise.all([started, stop]);
});
