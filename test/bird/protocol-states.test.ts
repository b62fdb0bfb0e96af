import test from 'ava';
import { areUp } from '../../lib/bird/protocol-states.ts';

const reply = {
  lines: [
    { code: 2002, text: 'Name       Proto      Table      State  Since         Info' },
    { code: 1002, text: 'learn4     Kernel     master4    up     12:00:00.000  ' },
    { code: 1002, text: 'learn4_100 Kernel     anycast4_100 start  12:00:00.000  ' },
    { code: 1002, text: 'pipe4_100  Pipe       ---        up     12:00:00.000  anycast4_100 <=> master4' },
  ],
};

test('protocols are up when each of them is', t => {
  t.true(areUp(['learn4', 'pipe4_100'], reply));
  t.false(areUp(['learn4', 'learn4_100'], reply));
  t.false(areUp(['learn4', 'learn6'], reply), 'one that is not there');
  t.false(areUp(['learn4'], undefined), 'BIRD does not answer');
});
