/**
 * Follows a folder while the kernel has no inotify watch to give, and once it has: a program of its own, since the
 * limit is one of its user namespace. Run as `unshare --user --map-root-user node without-watches.ts ENOSPC|EMFILE`;
 * prints what it saw as JSON.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { WatchedFolder } from '../../lib/base/watched-folder.ts';
import { eventually } from '../support/lab.ts';

const limit = `/proc/sys/user/max_inotify_${process.argv[2] === 'EMFILE' ? 'instances' : 'watches'}`;
const path = mkdtempSync(join(tmpdir(), 'flock-no-watches-'));
const lines: unknown[] = [];
const log = pino(
  { messageKey: 'event', base: null, timestamp: false },
  { write: line => lines.push(JSON.parse(line)) },
);
const events: (string | undefined)[] = [];
let polls = 0;
const folder = new WatchedFolder({
  path,
  what: 'things',
  log,
  pollMs: 20,
  persistent: true,
  onEvent: name => events.push(name),
  onPoll: () => polls++,
});
try {
  writeFileSync(limit, '0');
  folder.start();
  writeFileSync(join(path, 'a'), '');
  await eventually('several polls', () => polls > 5);
  const without = { lines: [...lines], events: [...events] };
  writeFileSync(limit, '100');
  await eventually('a line about the watch', () => lines.length > without.lines.length);
  writeFileSync(join(path, 'b'), '');
  await eventually('the event', () => events.includes('b'));
  console.log(JSON.stringify({ path, without, after: lines.slice(without.lines.length) }));
} finally {
  folder.stop();
  rmSync(path, { recursive: true });
}
