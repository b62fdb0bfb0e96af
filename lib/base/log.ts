/** One line an event, on standard error: the event in words first, then its fields. */
import { destination, type Logger, pino } from 'pino';

export type Log = Logger;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * @param level the least severe level that is written
 * @returns a JSON-lines logger, synchronous so that the last words before an exit are never lost
 */
export function createLog(level: LogLevel = 'info'): Log {
  return pino({ level, base: null, messageKey: 'event' }, destination({ fd: 2, sync: true }));
}
