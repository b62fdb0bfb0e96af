/**
 * Replies of BIRD's control socket, line by line (nest/cli.c and doc/reply_codes of BIRD 2):
 *
 *     0001 BIRD 2.0.12 ready.            the greeting; a blank behind the code ends a reply
 *     1011-Router ID is 192.0.2.1        a dash: more lines follow
 *      Hostname is node1                 a leading blank: a line more with the code of the one before
 *     0013 Daemon is up and running
 */

export interface ReplyLine {
  readonly code: number;
  readonly text: string;
}

export interface Reply {
  /** Never empty; an empty last line (`0000 `) that only ends the reply is left out where others came before. */
  readonly lines: readonly ReplyLine[];
}

/** What the manager has to tell apart; 8000 and above are errors (8xxx run time, 9xxx syntax). */
export const replyCode = {
  ready: 1,
  readingConfiguration: 2,
  reconfigured: 3,
  inProgress: 4,
  queued: 5,
  firstError: 8000,
} as const;

/** The reply in one line of words, for messages. */
export function wordsOf({ lines }: Reply): string {
  return lines.map(({ code, text }) => `${String(code).padStart(4, '0')} ${text}`).join('; ');
}

/** The first error line of a reply, if it is one. */
export function errorOf({ lines }: Reply): ReplyLine | undefined {
  return lines.find(({ code }) => code >= replyCode.firstError);
}

/** A listing of 65,536 routes has 10 MB, and a line a few hundred characters; what has more is no BIRD. */
const longestReply = 1 << 26;
const longestLine = 1 << 16;

/** Takes bytes as they come and gives each complete reply. */
export class ReplyReader {
  #rest = '';
  #lines: ReplyLine[] = [];
  #length = 0;

  /**
   * @returns the replies that are complete now
   * @throws Error for what no BIRD says, with the line
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
      throw new Error('a reply without an end');
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
    if (code === undefined) throw new Error(`not a reply of BIRD: ${JSON.stringify(line.slice(0, 200))}`);
    const isBareEnd = Number(code) === 0 && text === '' && last !== undefined;
    if (!isBareEnd) this.#lines.push({ code: Number(code), text });
    return separator === ' ';
  }
}
