/** What is noted of an answer, wherever its pieces begin and end. */
import test from 'ava';
import { inspect } from './wire.ts';

function see(pieces: string[]) {
  const seen = { foreign: new Set<string>(), events: 0 };
  const onPiece = (listener: (piece: Buffer) => void) => pieces.map(text => listener(Buffer.from(text)));
  inspect({ isWatch: true, onPiece }, 'elsewhere-', seen);
  return seen;
}

test('the name of another node’s pod is seen, also cut in two', t => {
  t.is(see(['{"name":"here-1"},{"name":"elsewhere-7"}\n']).foreign.size, 1);
  t.is(see(['{"name":"else', 'where-7"}\n']).foreign.size, 1);
  t.is(see(['{"name":"elsewhere', '-7"}\n']).foreign.size, 1);
  t.is(see(['{"name":"else', '"},{"name":"here-1"}\n']).foreign.size, 0);
});

test('events are counted by their lines', t => {
  t.is(see(['{"name":"here-1"}\n{"name":', '"here-2"}\n']).events, 2);
});
