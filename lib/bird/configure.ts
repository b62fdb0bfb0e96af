/** One reconfiguration of BIRD; ends when BIRD runs the configuration that it read. */
import { type Clock, systemClock } from '../base/clock.ts';
import { FlockError } from '../base/errors.ts';
import type { BirdControl } from './control.ts';
import { replyCode, textOf } from './reply.ts';

/** In milliseconds. BIRD waits for sessions to close and their routes to go; after this long, it counts as failed. */
const longestMs = 30_000;

/**
 * Waits first until BIRD has no other one in hand: 3.4 crashes when one is queued (`versions.ts`).
 *
 * @param path what BIRD reads; default: the file that it was started with
 * @throws FlockError FLOCK_BIRD_REFUSED with BIRD's reply, FLOCK_BIRD_UNREACHABLE when BIRD does not finish
 */
export async function configure(
  control: Pick<BirdControl, 'command'>,
  path?: string,
  clock: Clock = systemClock,
): Promise<void> {
  const deadline = clock.now() + longestMs;
  await finished(control, 'configure status', clock, deadline);
  await finished(control, path === undefined ? 'configure' : `configure "${path}"`, clock, deadline);
}

/** Reply 0003 means done. 0004 (in progress) and 0005 (queued behind another) mean not yet: the status is polled. */
async function finished(
  control: Pick<BirdControl, 'command'>,
  command: string,
  clock: Clock,
  deadline: number,
): Promise<void> {
  let pauseMs = 5;
  for (let reply = await control.command(command); ; reply = await control.command('configure status')) {
    const has = (code: number) => reply.lines.some(line => line.code === code);
    if (has(replyCode.reconfigured)) return;
    const isUnderWay = has(replyCode.inProgress) || has(replyCode.queued);
    if (!isUnderWay || clock.now() > deadline) {
      throw new FlockError(
        'FLOCK_BIRD_UNREACHABLE',
        `BIRD did not finish its reconfiguration: ${textOf(reply)}`,
        {
          value: textOf(reply),
          remedy: 'see `birdc configure status` and the log of BIRD; the agent tries again',
        },
      );
    }
    const wait = pauseMs;
    await new Promise<void>(resolve => clock.after(wait, resolve));
    pauseMs = Math.min(pauseMs * 2, 200);
  }
}

/** BIRD's own words for when it was configured last, by anybody; undefined when it does not say. */
export async function lastReconfiguration(control: BirdControl): Promise<string | undefined> {
  const { lines } = await control.command('show status');
  return lines.map(({ text }) => text).find(text => text.startsWith('Last reconfiguration on '));
}
