/** Flips of one address, started in three ways: a bare netlink call, a manifest's bytes in memory, a file of the agent. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentFiles, writeFileAtomically } from '../../test/support/agent.ts';
import type { AgentSide } from '../agent-side.ts';
import { destination } from '../field.ts';
import { type BenchPod, manifestOf } from '../population.ts';
import type { BirdLearning } from './bird-learning.ts';
import type { Flips } from './series.ts';
import type { Stage } from './stage.ts';

const advertise = 70;
const hold = 71;

/** The agent's time between withdrawal and removal, in milliseconds. */
export const settleMs = 50;

/**
 * Time from the C program's call until the peer's kernel has the route; each flip adds and removes it. With the same
 * pauses as the agent's flips: without pauses, BIRD's and the CPU's caches are warm, which makes a difference of a third.
 */
export async function floorFlips(stage: Stage, flips: Flips, number: number, count: number): Promise<void> {
  const { floor, atRouter } = stage;
  const address = destination(4, number);
  const call = async (operation: string, protocol: number) => {
    const [began = 0n, ended = 0n] = (await floor.ask(`one ${operation} 4 ${number} ${protocol}`))
      .split(' ')
      .map(BigInt);
    return { began, ended };
  };
  for (let flip = 0; flip < count; flip++) {
    for (const [operation, protocol, gone] of [
      ['create', advertise, false],
      ['replace', hold, true],
    ] as const) {
      const seen = atRouter.next({ address, gone });
      const { began, ended } = await call(operation, protocol);
      flips.add('ack', began, ended);
      flips.add('peer', began, await seen);
    }
    await sleep(settleMs);
    await call('delete', hold);
  }
}

/** Delivers a manifest to a source. */
export type Hand = (pod: BenchPod, ready: boolean) => void;

export const byEvent =
  (agent: AgentSide): Hand =>
  (pod, ready) =>
    agent.take(manifestOf(pod, ready));

export const byFile =
  ({ pods }: AgentFiles): Hand =>
  (pod, ready) =>
    writeFileAtomically(`${pods}/${pod.name}.json`, manifestOf(pod, ready));

/** Writes the manifests of the pods that do not flip, before an agent reads the folder. */
export function layOutPods({ pods }: AgentFiles, all: readonly BenchPod[]): void {
  for (const pod of all) writeFileSync(`${pods}/${pod.name}.json`, manifestOf(pod, true));
}

export interface PodFlip {
  pod: BenchPod;
  address: string;
  hand: Hand;
  count: number;
  /** When BIRD has learned the change, if that is measured. */
  bird?: BirdLearning;
}

/** The only pod of `address`, now Ready, becomes not Ready, and Ready again. */
export async function podFlips(
  { atNode, atRouter }: Stage,
  flips: Flips,
  { pod, address, hand, count, bird }: PodFlip,
): Promise<void> {
  for (let flip = 0; flip < count; flip++) {
    const removed = atNode.next({ address, gone: true });
    for (const ready of [false, true]) {
      const acknowledged = atNode.next({ address, gone: false, protocol: ready ? advertise : hold });
      const seen = atRouter.next({ address, gone: !ready });
      const learned = bird?.next();
      const began = process.hrtime.bigint();
      hand(pod, ready);
      const [ack, peer] = await Promise.all([acknowledged, seen]);
      flips.add('ack', began, ack);
      flips.add('peer', began, peer);
      if (learned !== undefined) flips.add('bird', began, await learned);
      if (!ready) await removed;
    }
  }
}
