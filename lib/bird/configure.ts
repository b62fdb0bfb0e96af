/** One reconfiguration of BIRD, until what it read is what it runs. */
import { FlockError } from '../base/errors.ts';
import type { BirdControl } from './control.ts';
import { replyCode, wordsOf } from './reply.ts';

/** A reconfiguration waits for sessions to close and their routes to go; a longer one is asked for again. */
const longestMs = 30_000;

/**
 * Reply 0003 says done; 0004 (in progress) and 0005 (queued behind another) say later: asked again until done.
 * @throws FlockError FLOCK_BIRD_REFUSED with BIRD's words, FLOCK_BIRD_UNREACHABLE when it does not finish
 */
export async function configure(control: BirdControl): Promise<void> {
  const deadline = Date.now() + longestMs;
  let pauseMs = 5;
  for (let reply = await control.command('configure'); ; reply = await control.command('configure status')) {
    const has = (code: number) => reply.lines.some(line => line.code === code);
    if (has(replyCode.reconfigured)) return;
    const isUnderWay = has(replyCode.inProgress) || has(replyCode.queued);
    if (!isUnderWay || Date.now() > deadline) {
      throw new FlockError('FLOCK_BIRD_UNREACHABLE', `BIRD did not finish to configure: ${wordsOf(reply)}`, {
        value: wordsOf(reply),
        remedy: 'it is asked again; see `birdc configure status` and the log of BIRD',
      });
    }
    await new Promise(resolve => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(pauseMs * 2, 200);
  }
}
