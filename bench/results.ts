/** The results of a run, in the format of `--json`. Times are microseconds unless the name states another unit. */
import type { Family } from './field.ts';

/** One measured piece of work. */
export interface Row {
  /** `routes` is the table of all peers; the others are named after the part that measured them. */
  work: string;
  peer: string;
  family: Family | '4+6';
  nexthops: number;
  destinations: number;
  op: string;
  /** Which other program in the namespace receives every notification. */
  listens: string;
  medianUsPerRoute: number;
  /** Least and most over the rounds. */
  spread: [number, number];
  rounds: number;
  /** Median over the rounds of the ratio within one; null without a floor to compare with. */
  ratioToFloor: number | null;
}

/** The time from an event to one stage. */
export interface LatencySeries {
  mode: 'learn' | 'filter' | 'floor';
  /** What starts it: a manifest's bytes in this process, a renamed file of the agent, or a netlink call. */
  source: 'event' | 'file' | 'netlink';
  stage: 'ack' | 'bird' | 'peer';
  destinations: number;
  samples: number;
  p50: number;
  p99: number;
  max: number;
}

/** One of four pods that share their destinations leaves, or returns: medians over the rounds. */
export interface Departure {
  /** `routes.nexthops` of the agent's configuration. */
  mode: 'multipath' | 'groups' | 'resilient';
  op: 'leave' | 'return';
  family: Family;
  /** How many destinations it shares. */
  destinations: number;
  listens: string;
  /** From the manifest in memory to the last outcome, and the part of it in the call to the kernel. */
  us: number;
  kernelUs: number;
  /** Processor time of our process for all of it, in user and kernel mode. */
  cpuUs: number;
  /** To the kernel, in one batch. */
  requests: number;
  /** Least and most of `us`. */
  spread: [number, number];
  rounds: number;
}

/** What an agent costs while nothing happens. */
export interface Idle {
  process: 'agent' | 'bird';
  mode: 'learn' | 'filter';
  destinations: number;
  cpuPercent: number;
  rssMb: number;
}

export interface ChurnSample {
  /** Since the first flip. */
  seconds: number;
  lagP50Ms: number;
  lagMaxMs: number;
  /** Of this stretch. */
  flips: number;
  batches: number;
  requests: number;
  cpuPercent: number;
  rssMb: number;
}

export interface Churn {
  pods: number;
  destinations: number;
  flipsPerSecond: number;
  seconds: number;
  flips: number;
  /** Flips that a pass handled together with an earlier flip of the same pod. */
  coalesced: number;
  batches: number;
  requests: number;
  cpuPercent: number;
  rssMb: { start: number; middle: number; end: number };
  lagMs: { p50: number; p99: number; max: number };
  samples: ChurnSample[];
}

/** A measured number that belongs to no series: `name` in words, `unit` such as `ms`. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  destinations: number;
}

export interface Goal {
  goal: string;
  /** The measured value must be at most (`least: true`: at least) this. */
  limit: number;
  least?: boolean;
  unit: string;
  /** Null when this run did not measure it. */
  measured: number | null;
  met: boolean | null;
  /** Which measurements were used. */
  from: string;
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  node: string;
  /** One-minute load average at the start: other work disturbs the measurement. */
  load: number;
}

export interface Results {
  machine: Machine;
  date: string;
  kernel: string;
  quick: boolean;
  seconds: number;
  /** How long each part took. */
  parts: { name: string; seconds: number }[];
  rows: Row[];
  departures: Departure[];
  latency: LatencySeries[];
  idle: Idle[];
  churn: Churn | null;
  figures: Figure[];
  goals: Goal[];
  /** What was left out, and why. */
  skipped: { what: string; why: string }[];
}
