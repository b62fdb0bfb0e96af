import test from 'ava';
import { closeNames } from '../../../lib/sources/kubernetes/close-names.ts';

test('names are close that differ by case, by a domain, or by two letters', t => {
  const names = ['node-b', 'node-a', 'node-a.example.com', 'worker-17', 'nodes-ab'];
  t.deepEqual(closeNames('Node-A', names), ['node-a', 'node-b', 'node-a.example.com', 'nodes-ab']);
  t.deepEqual(closeNames('worker-17.example.com', names), ['worker-17']);
  t.deepEqual(closeNames('other', names), []);
  t.deepEqual(closeNames('other', []), []);
});
