/** A monitor that outlives its socket: when the socket fails, another one is opened. */
import { type Clock, systemClock } from '../../base/clock.ts';
import type { KernelChanges, Monitor, NativeError } from './kernel-changes.ts';

type Callback = (changes: KernelChanges) => void;

/** Between two openings at least, in milliseconds. */
const pauseMs = 1000;

/** Nothing is known any more. */
const everythingLost = (): KernelChanges => ({
  routes: new Uint8Array(),
  links: [],
  addresses: [],
  nexthopObjects: new Uint8Array(),
  overrun: true,
});

/**
 * Starts a monitor by `open`, and again when it ended by an error. The callback is told of the loss when the next one
 * listens already, so that what it then reads is complete; when none can be opened, at once and again when one is.
 *
 * @param open throws NativeError; what it throws at first is thrown here, ERR_CLOSED later ends the monitor
 */
export function openLastingMonitor(
  open: (callback: Callback) => Monitor,
  callback: Callback,
  clock: Clock = systemClock,
): Monitor {
  let stopped = false;
  let cancel = () => {};
  let openedAt = clock.now();
  let monitor = open(take);

  function take(changes: KernelChanges): void {
    if (changes.error !== undefined) {
      const isSoon = clock.now() - openedAt < pauseMs;
      if (isSoon || !reopen()) retryLater();
    }
    callback(changes);
  }

  function reopen(): boolean {
    openedAt = clock.now();
    try {
      monitor = open(take);
    } catch (error) {
      stopped ||= (error as NativeError).code === 'ERR_CLOSED';
      return false;
    }
    return true;
  }

  function retry(): void {
    if (stopped) return;
    if (reopen()) callback(everythingLost());
    else retryLater();
  }

  function retryLater(): void {
    if (!stopped) cancel = clock.after(pauseMs, retry);
  }

  return {
    stop() {
      stopped = true;
      cancel();
      monitor.stop();
    },
  };
}
