/**
 * Which warnings about pods are to be sent now. A warning is sent when it begins, when it says something else,
 * when it comes back, and now and then while it stands; never more often than a pod and the node may. What has
 * to wait is sent later in the order in which it came up, if it still stands then. No I/O; time is passed in.
 */

/** Something of a pod that does not come into force. */
export interface Refused {
  /** `namespace/name` of the pod. */
  readonly pod: string;
  /** Stable, one word. */
  readonly reason: string;
  readonly message: string;
  readonly remedy: string;
}

/** All that is refused to a pod for one reason. */
export interface PodWarning {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly reason: string;
  readonly message: string;
}

/** The longest note of an event (events.k8s.io/v1); the older API has none of its own. */
const longestMessage = 1024;

/** @param pods by `namespace/name`; a refusal of one that is not there is no warning */
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
    const short = message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message;
    return [{ namespace, name, uid, reason, message: short }];
  });
}

export interface WarningLimits {
  /** Sent at once, of one pod and of all; then one each time so many milliseconds have passed. */
  pod: { burst: number; everyMs: number };
  node: { burst: number; everyMs: number };
  /** A warning that stands is sent again after so many milliseconds: the server forgets an event in an hour. */
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
  /** Whether it was there whenever we looked since. */
  stands: boolean;
}

export class WarningQueue {
  readonly #limits: WarningLimits;
  readonly #sent = new Map<string, Sent>();
  /** In the order in which they came up. */
  readonly #waiting = new Map<string, PodWarning>();
  readonly #pods = new Map<string, Bucket>();
  readonly #node: Bucket;

  constructor(limits = warningLimits) {
    this.#limits = limits;
    this.#node = new Bucket(limits.node);
  }

  /**
   * @param standing every warning there is now
   * @param now milliseconds of any clock that does not go back
   * @returns those to be sent now; they count as sent
   */
  take(standing: readonly PodWarning[], now: number): PodWarning[] {
    this.#look(standing, now);
    const due: PodWarning[] = [];
    for (const [key, warning] of this.#waiting) {
      if (this.#node.left(now) < 1) break;
      const pod = this.#bucketOf(warning.uid);
      if (pod.left(now) < 1) continue;
      pod.spend();
      this.#node.spend();
      this.#waiting.delete(key);
      this.#sent.set(key, { message: warning.message, at: now, stands: true });
      due.push(warning);
    }
    for (const [uid, bucket] of this.#pods) if (bucket.isFull(now)) this.#pods.delete(uid);
    return due;
  }

  /** It was not sent after all. */
  putBack(warning: PodWarning): void {
    this.#sent.delete(keyOf(warning));
  }

  #look(standing: readonly PodWarning[], now: number): void {
    const byKey = new Map(standing.map(warning => [keyOf(warning), warning]));
    for (const key of this.#waiting.keys()) if (!byKey.has(key)) this.#waiting.delete(key);
    for (const [key, sent] of this.#sent) {
      if (byKey.has(key)) continue;
      sent.stands = false;
      if (now - sent.at >= this.#limits.againMs) this.#sent.delete(key);
    }
    for (const [key, warning] of byKey) {
      const sent = this.#sent.get(key);
      const isNews = sent === undefined || !sent.stands || sent.message !== warning.message;
      if (isNews || now - sent.at >= this.#limits.againMs) this.#waiting.set(key, warning);
      else this.#waiting.delete(key);
    }
  }

  #bucketOf(uid: string): Bucket {
    const bucket = this.#pods.get(uid) ?? new Bucket(this.#limits.pod);
    this.#pods.set(uid, bucket);
    return bucket;
  }
}

/** So many at once, then one each `everyMs`. */
class Bucket {
  readonly #burst: number;
  readonly #everyMs: number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor({ burst, everyMs }: WarningLimits['pod']) {
    this.#burst = burst;
    this.#everyMs = everyMs;
    this.#tokens = burst;
  }

  left(now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / this.#everyMs);
    this.#at = now;
    return this.#tokens;
  }

  isFull(now: number): boolean {
    return this.left(now) >= this.#burst;
  }

  spend(): void {
    this.#tokens--;
  }
}

function keyOf({ uid, reason }: PodWarning): string {
  return `${uid} ${reason}`;
}
