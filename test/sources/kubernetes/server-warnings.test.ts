/** What the header Warning may hold, and what is logged of it. A real server's: test/e2e. */
import test from 'ava';
import { pino } from 'pino';
import { ServerWarnings } from '../../../lib/sources/kubernetes/server-warnings.ts';

function listen() {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(JSON.parse(line).event) };
  const log = pino({ messageKey: 'event' }, sink);
  return { log, lines, warnings: ServerWarnings.of(log) };
}

test('each warning is logged once, also when two clients of one log are told', t => {
  const { log, lines, warnings } = listen();
  for (let answer = 0; answer < 3; answer++) {
    warnings.take(['299 - "a is deprecated"', '299 kube "b \\"quoted\\", 299 - \\\\"']);
    ServerWarnings.of(log).take(['299 - "a is deprecated", 299 - "c"']);
    warnings.take();
  }
  t.deepEqual(lines, [
    'kubernetes: the API server warns: "a is deprecated"',
    'kubernetes: the API server warns: "b \\"quoted\\", 299 - \\\\"',
    'kubernetes: the API server warns: "c"',
  ]);
});

test('what is no warning of the server is left alone', t => {
  const { lines, warnings } = listen();
  warnings.take(['110 proxy "Response is stale"', '299', '299 - "without an end', 'x299 - "y"', '']);
  t.deepEqual(lines, []);
});

test('a hostile text is one line of bounded length, and there are not many of them', t => {
  const { lines, warnings } = listen();
  warnings.take([`299 - "${'\u001b[31m'}${'x'.repeat(10_000)}"`]);
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /^kubernetes: the API server warns: "\\u001b\[31mx+"… \(10005 characters\)$/);
  t.true((lines[0] ?? '').length < 400);
  for (let index = 0; index < 1000; index++) warnings.take([`299 - "${index}"`]);
  t.is(lines.length, 101);
  t.is(lines.at(-1), 'kubernetes: the API server sends more warnings, which are not logged');
});
