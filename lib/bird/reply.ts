/**
 * Replies of BIRD's control socket, line by line (nest/cli.c and doc/reply_codes of BIRD 2):
 *
 *     0001 BIRD 2.0.12 ready.            the greeting; a space after the code: the last line of a reply
 *     1011-Router ID is 192.0.2.1        a dash: more lines follow
 *      Hostname is node1                 a leading space: another line with the same code as the line before
 *     0013 Daemon is up and running
 */

export interface ReplyLine {
  readonly code: number;
  readonly text: string;
}

export interface Reply {
  /** Never empty. An empty last line (`0000 `) is left out, unless it is the only line. */
  readonly lines: readonly ReplyLine[];
}

/** The codes that the agent distinguishes; 8000 and above are errors (8xxx run time, 9xxx syntax). */
export const replyCode = {
  ready: 1,
  readingConfiguration: 2,
  reconfigured: 3,
  inProgress: 4,
  queued: 5,
  firstError: 8000,
} as const;

/** The reply as one line of text, for messages. */
export function textOf({ lines }: Reply): string {
  return lines.map(({ code, text }) => `${String(code).padStart(4, '0')} ${text}`).join('; ');
}

/** The first error line of a reply; undefined when it has none. */
export function errorOf({ lines }: Reply): ReplyLine | undefined {
  return lines.find(({ code }) => code >= replyCode.firstError);
}

/** In characters. A listing of 65,536 routes has 10 MB, and a line a few hundred; longer input is not from BIRD. */
const longestReply = 1 << 26;
const longestLine = 1 << 16;

/** Splits the socket's input into replies. */
export class ReplyReader {
  #rest = '';
  #lines: ReplyLine[] = [];
  #length = 0;

  /**
   * @param chunk the next part of the input
   * @returns the replies that are complete now
   * @throws Error for input that BIRD would not send, with the line
   */
  push(chunk: string): Reply[] {
    const replies: Reply[] = [];
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() as string;
    this.#length += chunk.length;
    for (const line of lines) {
      if (this.#takesLine(line)) {
        replies.push({ lines: this.#lines });
        this.#lines = [];
        this.#length = this.#rest.length;
      }
    }
    if (this.#rest.length > longestLine || this.#length > longestReply)
      throw new Error('a reply that does not end');
    return replies;
  }

  /** @returns whether this line ends its reply */
  #takesLine(line: string): boolean {
    const last = this.#lines.at(-1);
    if (line.startsWith(' ') && last !== undefined) {
      this.#lines.push({ code: last.code, text: line.slice(1) });
      return false;
    }
    const [, code, separator, text = ''] = /^(\d{4})([ -])(.*)$/.exec(line) ?? [];
    if (code === undefined) throw new Error(`not a reply from BIRD: ${JSON.stringify(line.slice(0, 200))}`);
    const isBareEnd = Number(code) === 0 && text === '' && last !== undefined;
    if (!isBareEnd) this.#lines.push({ code: Number(code), text });
    return separator === ' ';
  }
}
