/**
 * Which warnings about pods are to be sent now. A warning is sent when it begins, when its message changes, when it
 * returns, and at a long interval while it lasts, within rate limits for each pod and for the node. A warning over
 * the limit is sent later, in the order of its beginning, if it is still current then. No I/O; time is passed in.
 */
import { type Rate, TokenBucket } from '../base/token-bucket.ts';

/** A request of a pod that is refused. */
export interface Refused {
  /** `namespace/name` of the pod. */
  readonly pod: string;
  /** Stable, one word. */
  readonly reason: string;
  readonly message: string;
  readonly remedy: string;
}

/** All refusals of a pod for one reason. */
export interface PodWarning {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly reason: string;
  readonly message: string;
}

/** The longest note of an Event (events.k8s.io/v1), in bytes. */
const longestMessage = 1024;

/** @param pods by `namespace/name`; refusals of other pods give no warning */
export function podWarnings(
  refused: Iterable<Refused>,
  pods: ReadonlyMap<string, Pick<PodWarning, 'namespace' | 'name' | 'uid'>>,
): PodWarning[] {
  const groups = Map.groupBy(refused, ({ pod, reason }) => `${pod} ${reason}`);
  return [...groups.values()].flatMap(all => {
    const reason = all[0]?.reason ?? '';
    const pod = pods.get(all[0]?.pod ?? '');
    if (pod === undefined) return [];
    const words = [...all.map(({ message }) => message), ...all.map(({ remedy }) => remedy)];
    const message = [...new Set(words)].join('; ');
    const { namespace, name, uid } = pod;
    return [{ namespace, name, uid, reason, message: withinBytes(message, longestMessage) }];
  });
}

/** The text itself, or as many of its characters as these bytes of UTF-8 hold, and a mark. */
function withinBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  const mark = '…';
  // A character that the limit cuts in two is left out.
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(most - Buffer.byteLength(mark)));
  return text.slice(0, read) + mark;
}

export interface WarningLimits {
  /** Token buckets of one pod and of all: `burst` warnings at once, then one every `everyMs` milliseconds. */
  pod: Rate;
  node: Rate;
  /** A warning that lasts is sent again after this long, in milliseconds: the server keeps an event for an hour. */
  againMs: number;
}

export const warningLimits: WarningLimits = {
  pod: { burst: 5, everyMs: 60_000 },
  node: { burst: 25, everyMs: 1000 },
  againMs: 1_800_000,
};

interface Sent {
  message: string;
  at: number;
  /** Whether it was current at each call since. */
  isCurrent: boolean;
}

export class WarningQueue {
  readonly #limits: WarningLimits;
  readonly #sent = new Map<string, Sent>();
  /** In the order of their beginning. */
  readonly #waiting = new Map<string, PodWarning>();
  readonly #pods = new Map<string, TokenBucket>();
  readonly #node: TokenBucket;

  constructor(limits = warningLimits) {
    this.#limits = limits;
    this.#node = new TokenBucket(limits.node);
  }

  /**
   * @param current all warnings now
   * @param now milliseconds of any clock that does not go back
   * @returns those to be sent now; they count as sent
   */
  take(current: readonly PodWarning[], now: number): PodWarning[] {
    this.#compare(current, now);
    const due: PodWarning[] = [];
    for (const [key, warning] of this.#waiting) {
      if (this.#node.left(now) < 1) break;
      const pod = this.#bucketOf(warning.uid);
      if (pod.left(now) < 1) continue;
      pod.spend();
      this.#node.spend();
      this.#waiting.delete(key);
      this.#sent.set(key, { message: warning.message, at: now, isCurrent: true });
      due.push(warning);
    }
    for (const [uid, bucket] of this.#pods) if (bucket.isFull(now)) this.#pods.delete(uid);
    return due;
  }

  /** Takes back a warning that could not be sent. */
  putBack(warning: PodWarning): void {
    this.#sent.delete(keyOf(warning));
  }

  #compare(current: readonly PodWarning[], now: number): void {
    const byKey = new Map(current.map(warning => [keyOf(warning), warning]));
    for (const key of this.#waiting.keys()) if (!byKey.has(key)) this.#waiting.delete(key);
    for (const [key, sent] of this.#sent) {
      if (byKey.has(key)) continue;
      sent.isCurrent = false;
      if (now - sent.at >= this.#limits.againMs) this.#sent.delete(key);
    }
    for (const [key, warning] of byKey) {
      const sent = this.#sent.get(key);
      const isNews = sent === undefined || !sent.isCurrent || sent.message !== warning.message;
      if (isNews || now - sent.at >= this.#limits.againMs) this.#waiting.set(key, warning);
      else this.#waiting.delete(key);
    }
  }

  #bucketOf(uid: string): TokenBucket {
    const bucket = this.#pods.get(uid) ?? new TokenBucket(this.#limits.pod);
    this.#pods.set(uid, bucket);
    return bucket;
  }
}

function keyOf({ uid, reason }: PodWarning): string {
  return `${uid} ${reason}`;
}
