/**
 * Warnings that the API server sends beside its answers (the header `Warning`, RFC 7234 5.5, since Kubernetes 1.19), such
 * as that a version is deprecated: each is logged once. Whoever may write a definition or a webhook writes them, too.
 */
import type { Log } from '../../base/log.ts';
import { quoted } from '../../base/quoted.ts';

/** Different texts that are logged at most, and characters of one; the server cuts them at 256 bytes. */
const mostTexts = 100;
const longestText = 256;
/** The code of all warnings of the server, an agent, and the text as a quoted string. */
const warning = /(?<=^|,) *299 \S+ "((?:[^"\\]|\\.)*)"/g;

const byLog = new WeakMap<Log, ServerWarnings>();

export class ServerWarnings {
  readonly #log: Log;
  readonly #seen = new Set<string>();

  private constructor(log: Log) {
    this.#log = log;
  }

  /** The one of this log: what several clients are told is one line. */
  static of(log: Log): ServerWarnings {
    const warnings = byLog.get(log) ?? new ServerWarnings(log);
    byLog.set(log, warnings);
    return warnings;
  }

  /** @param headers the values of all headers `Warning` of an answer */
  take(headers: readonly string[] = []): void {
    for (const [, escaped = ''] of headers.flatMap(header => [...header.matchAll(warning)])) {
      if (this.#seen.size > mostTexts) return;
      const text = quoted(escaped.replace(/\\(.)/g, '$1'), longestText);
      if (this.#seen.has(text)) continue;
      this.#seen.add(text);
      const words =
        this.#seen.size > mostTexts ? 'sends more warnings, which are not logged' : `warns: ${text}`;
      this.#log.warn(`kubernetes: the API server ${words}`);
    }
  }
}
