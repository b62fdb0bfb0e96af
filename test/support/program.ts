/** The agent's kernel side in a lab's node: passes run when the test asks, or at every change of the kernel. */

import { createLog } from '../../lib/base/log.ts';
import type { GroupForm } from '../../lib/kernel/groups/group-form.ts';
import { createKernelSide } from '../../lib/kernel/kernel-side.ts';
import type { KernelSocket, RouteProgrammer } from '../../lib/kernel/route-programmer.ts';
import type { RouteTable } from '../../lib/kernel/route-table.ts';
import { ObjectKind } from '../../lib/kernel/socket/nexthop-object.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import type { RouteEvent } from '../../lib/kernel/state/route-event.ts';
import { abilities } from './abilities.ts';
import type { Host, NodeLab } from './node-lab.ts';

export const advertise = 70;
export const hold = 71;

export interface Program {
  table: RouteTable;
  programmer: RouteProgrammer;
  /** One pass. */
  pass(): ReturnType<RouteProgrammer['pass']>;
  /** Runs passes until nothing is left to do now. @returns what happened in them */
  settle(): Promise<RouteEvent[]>;
  /** What happened in all passes so far. */
  events: RouteEvent[];
  /** How often changes of the kernel have triggered a pass. */
  changes(): number;
  /** How often the monitor lost notifications. */
  overruns(): number;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** Pass on every change of the kernel, as the agent does. */
  follow?: boolean;
  /** Used in the place of the socket to the kernel. */
  through?: (socket: RouteSocket) => KernelSocket;
  /** Receive buffer of the monitor and the sockets, in bytes. */
  receiveBuffer?: number;
  /** The kind of nexthop group that routes use. */
  groups?: GroupForm;
  /** The table's clock, in milliseconds. */
  now?: () => number;
}

/** Every form of routes that the kernel here has, by its name in test names. */
export const everyForm: Record<string, GroupForm> = {
  'by multipath': undefined,
  'by groups': { kind: ObjectKind.group },
  ...(abilities.resilientGroups && {
    'by resilient groups': {
      kind: ObjectKind.resilientGroup,
      resilience: { buckets: 64, idleTimer: 100, unbalancedTimer: 0 },
      heaviestMember: abilities.heaviestMember,
    },
  }),
};

export async function program(
  t: Host,
  { node }: Pick<NodeLab, 'node'>,
  {
    follow = false,
    receiveBuffer,
    groups,
    through = socket => socket,
    now = () => performance.now(),
  }: ProgramOptions = {},
): Promise<Program> {
  const socket = new RouteSocket({ netns: node.path, ...(receiveBuffer !== undefined && { receiveBuffer }) });
  const events: RouteEvent[] = [];
  let changes = 0;
  let passing = Promise.resolve();
  let overruns = 0;
  const log = createLog('silent');
  log.warn = (() => overruns++) as unknown as typeof log.warn;
  const { table, programmer } = createKernelSide({
    socket: through(socket),
    routes: { table: 254, metric: 16, protocols: { advertise, hold } },
    groups,
    settleMs: 50,
    auditMs: 30_000,
    now,
    log,
  });
  programmer.onChange(() => {
    changes++;
    if (follow) passing = passing.then(passUntilQuiet);
  });
  const pass = async () => {
    const outcome = await programmer.pass();
    events.push(...outcome.events);
    return outcome;
  };
  const settle = async () => {
    const before = events.length;
    do await pass();
    while (table.busy);
    return events.slice(before);
  };
  /** Like the agent's loop: after a failed pass there is another one. */
  const passUntilQuiet = async () => {
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        await settle();
        return;
      } catch {
        await new Promise(resolve => setTimeout(resolve, 50));
      }
    }
  };
  const stop = async () => {
    programmer.stop();
    await passing;
    await socket.close();
  };
  t.teardown(stop);
  await programmer.start();
  return { table, programmer, pass, settle, events, changes: () => changes, overruns: () => overruns, stop };
}
