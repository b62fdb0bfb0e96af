/** What each step of putting the agent together is given. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Stops } from '../base/stops.ts';
import type { TimeSlice } from '../base/time-slice.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import type { RouteSocket } from '../kernel/socket/route-socket.ts';

export interface AgentContext {
  readonly config: ResolvedAgentConfig;
  readonly log: Log;
  readonly clock: Clock;
  /** What large changes are sliced by. */
  readonly slice: TimeSlice;
  readonly socket: RouteSocket;
  /** Takes what ends each thing that a step starts. */
  readonly stops: Stops;
}
