/** How much is measured: the whole, and the short form that ends within a minute. */

export interface Plan {
  quick: boolean;
  /** Each number is a median of so many, taken in turns. */
  rounds: number;
  nexthops: readonly number[];
  destinations: readonly number[];
  /** What a peer is asked for is its limit times this; the floor and ours are asked for all. */
  peerShare: number;
  /** Of the agent's own work: reconcile, flip, pass. */
  agentDestinations: number;
  /** Where one flip is held against the same in a larger table. */
  largeTable: number;
  flips: number;
  idlePasses: number;
  auditRoutes: number;
  /** Of a pod that leaves. */
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
