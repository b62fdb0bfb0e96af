/** How much a full run measures, and a quick run, which ends within a minute. */

export interface Plan {
  quick: boolean;
  /** Each number is the median of this many rounds, in which the peers take turns. */
  rounds: number;
  nexthops: readonly number[];
  destinations: readonly number[];
  /** Multiplies each peer's largest number of destinations; the floor and ours have no limit. */
  peerShare: number;
  /** For the agent's own work: reconcile, flip, pass. */
  agentDestinations: number;
  /** Table sizes in which one flip is compared. */
  largeTable: number;
  flips: number;
  idlePasses: number;
  auditRoutes: number;
  /** For the measurement of a pod that leaves. */
  sharedDestinations: readonly number[];
  latency: { destinations: readonly number[]; flips: number; idleSeconds: number };
  churn: { pods: number; destinations: number; flipsPerSecond: number; seconds: number };
}

export const wholePlan: Plan = {
  quick: false,
  rounds: 5,
  nexthops: [1, 2, 8],
  destinations: [100, 10_000, 100_000],
  peerShare: 1,
  agentDestinations: 10_000,
  largeTable: 100_000,
  flips: 1000,
  idlePasses: 1_000_000,
  auditRoutes: 65_536,
  sharedDestinations: [1, 100, 10_000],
  latency: { destinations: [10, 1000, 10_000], flips: 200, idleSeconds: 5 },
  churn: { pods: 500, destinations: 10_000, flipsPerSecond: 1000, seconds: 30 },
};

export const quickPlan: Plan = {
  quick: true,
  rounds: 5,
  nexthops: [1, 8],
  destinations: [1000],
  peerShare: 0.01,
  agentDestinations: 1000,
  largeTable: 10_000,
  flips: 100,
  idlePasses: 20_000,
  auditRoutes: 8192,
  sharedDestinations: [1, 100],
  latency: { destinations: [1000], flips: 12, idleSeconds: 1 },
  churn: { pods: 50, destinations: 1000, flipsPerSecond: 1000, seconds: 3 },
};
