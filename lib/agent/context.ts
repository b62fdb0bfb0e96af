/** What each step of the agent's start needs. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Openings } from '../base/openings.ts';
import type { PodLog } from '../base/pod-log.ts';
import type { Stops } from '../base/stops.ts';
import type { TimeSlice } from '../base/time-slice.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import type { KernelAbilities, RouteSocket } from '../kernel/socket/route-socket.ts';

export interface AgentContext {
  /** What this kernel can carry out of what was configured. */
  readonly config: ResolvedAgentConfig;
  readonly abilities: KernelAbilities;
  readonly log: Log;
  /** For lines about single pods. */
  readonly podLog: PodLog;
  readonly clock: Clock;
  /** Divides the work of large changes into time slices. */
  readonly slice: TimeSlice;
  readonly socket: RouteSocket;
  /** What runs beside the routing, and keeps it from nothing when it fails. */
  readonly openings: Openings;
  /** Collects the functions that stop what each step starts. */
  readonly stops: Stops;
}
