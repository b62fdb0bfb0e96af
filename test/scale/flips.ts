/** Pods that change their readiness, many per second, and the time at which the kernel has each change. */
import type { KubeApi } from '../support/kube-api.ts';
import type { RouteSighting } from '../support/route-watch.ts';
import { localPod } from './cluster.ts';
import type { Progress } from './progress.ts';

/** One patch of a pod's readiness. Times are milliseconds of `performance.now()`. */
export interface Flip {
  /** The pod's own address, whose route tells of it. */
  readonly address: string;
  readonly ready: boolean;
  readonly sentAt: number;
  answeredAt: number;
}

export interface Lags {
  /** Flips whose route was seen before the pod's next flip was answered. */
  seen: number;
  /** Flips that the next one had overtaken: the kernel never showed them. */
  overtaken: number;
  /** Milliseconds from the server's answer to the patch until the kernel's route; less than 0: it came before. */
  sinceAnswer: Quantiles;
  /** Milliseconds from the patch itself, as a kubelet sends it. */
  sincePatch: Quantiles;
}

export interface Quantiles {
  p50: number;
  p99: number;
  max: number;
}

/** How often due patches are sent, in milliseconds. */
const stepMs = 5;

/**
 * Flips pods in turn, all of them Ready at first, at `rate` a second for `seconds`. As with a kubelet, a pod's
 * next patch waits for the answer to the last one: a server that is slow is asked less often.
 * @returns each flip, in the order in which they were sent
 */
export async function flipPods(
  api: KubeApi,
  { pods, rate, seconds }: { pods: number; rate: number; seconds: number },
  progress: Progress,
): Promise<Flip[]> {
  const flips: Flip[] = [];
  const patches: Promise<void>[] = [];
  const began = performance.now();
  const all = rate * seconds;
  while (flips.length < all) {
    const due = Math.min(all, Math.floor(((performance.now() - began) / 1000) * rate));
    while (flips.length < due) {
      const { name, own } = localPod(flips.length % pods);
      if (flips[flips.length - pods]?.answeredAt === 0) break;
      const ready = Math.floor(flips.length / pods) % 2 === 1;
      const flip: Flip = { address: own, ready, sentAt: performance.now(), answeredAt: 0 };
      flips.push(flip);
      patches.push(
        api.setPodReady(name, ready).then(() => {
          flip.answeredAt = performance.now();
        }),
      );
    }
    progress.at(flips.length, all);
    await new Promise(resolve => setTimeout(resolve, stepMs));
  }
  await Promise.all(patches);
  return flips;
}

/**
 * When the kernel followed each flip. Pure.
 * @param sightings route events of `advertise`, the protocol that says Ready, and of others, in order
 */
export function lagsOf(flips: readonly Flip[], sightings: readonly RouteSighting[], advertise: number): Lags {
  const byAddress = new Map<string, RouteSighting[]>();
  for (const sighting of sightings) {
    const list = byAddress.get(sighting.address);
    if (list) list.push(sighting);
    else byAddress.set(sighting.address, [sighting]);
  }
  // Of the pod's next flip; that was sent when this one was answered, and can not be followed much before its own answer.
  const nextAnsweredAt = new Map<string, number>();
  const sinceAnswer: number[] = [];
  const sincePatch: number[] = [];
  for (const { address, ready, sentAt, answeredAt } of flips.toReversed()) {
    const until = nextAnsweredAt.get(address) ?? Infinity;
    nextAnsweredAt.set(address, answeredAt);
    const follows = ({ at, protocol, gone }: RouteSighting) =>
      at >= sentAt && at < until && (protocol === advertise && !gone) === ready;
    const sighting = byAddress.get(address)?.find(follows);
    if (sighting === undefined) continue;
    sinceAnswer.push(sighting.at - answeredAt);
    sincePatch.push(sighting.at - sentAt);
  }
  return {
    seen: sinceAnswer.length,
    overtaken: flips.length - sinceAnswer.length,
    sinceAnswer: quantiles(sinceAnswer),
    sincePatch: quantiles(sincePatch),
  };
}

function quantiles(values: number[]): Quantiles {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (part: number) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
  return { p50: at(0.5), p99: at(0.99), max: rounded(sorted.at(-1)) };
}

function rounded(value = Number.NaN): number {
  return Math.round(value * 100) / 100;
}
