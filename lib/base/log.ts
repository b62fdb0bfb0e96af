/** One line an event, on standard error: the event in words first, then its fields. */
import { type Logger, pino } from 'pino';
import { LogSink } from './log-sink.ts';

export type Log = Logger;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** How long the last words of a program wait for their reader, in milliseconds. */
const lastWordsMs = 500;

let sink: LogSink | undefined;

/**
 * @param level the least severe level that is written
 * @returns a JSON-lines logger that never waits for the reader of standard error
 */
export function createLog(level: LogLevel = 'info'): Log {
  const stream = { write: (line: string) => standardError().write(line) };
  return pino({ level, base: null, messageKey: 'event' }, stream);
}

/** How many log lines this process has dropped because standard error did not take them. */
export function droppedLines(): number {
  return sink?.dropped ?? 0;
}

/** Standard error of this process, by which the log and the last words of a command go. */
export function standardError(): LogSink {
  if (sink !== undefined) return sink;
  const opened = new LogSink(2, { describeDropped });
  process.once('exit', () => opened.finish(lastWordsMs));
  sink = opened;
  return opened;
}

function describeDropped(dropped: number): string {
  const event = `${dropped} log line(s) were dropped: standard error did not take them`;
  const remedy = 'see why the log collector stood still; metrics and /status went on';
  const line = {
    level: pino.levels.values.warn,
    time: Date.now(),
    code: 'LOG_LINES_DROPPED',
    dropped,
    remedy,
  };
  return `${JSON.stringify({ ...line, event })}\n`;
}
