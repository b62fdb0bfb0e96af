import test from 'ava';
import type { Finding } from '../../lib/sysctl/checks.ts';
import { inFew } from '../../lib/sysctl/in-few.ts';

test('findings of one code are one message, with how many there are', t => {
  const finding = (code: Finding['code'], message: string): Finding => ({
    code,
    key: message,
    message,
    remedy: '',
  });
  const strict = ['veth1', 'veth2', 'veth3'].map(name => finding('PREFLIGHT_RP_FILTER', `${name} is strict`));
  t.deepEqual(inFew([finding('PREFLIGHT_HASH_POLICY', 'policy is 0'), ...strict]), [
    'policy is 0',
    'veth1 is strict, and 2 more like this',
  ]);
  t.deepEqual(inFew([]), []);
});
