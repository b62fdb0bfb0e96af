/** The agent's kernel side in a lab's node: passed by hand, or on its own whenever the kernel changes. */

import { createLog } from '../../lib/base/log.ts';
import type { GroupForm } from '../../lib/kernel/groups/group-form.ts';
import { type KernelSocket, RouteProgrammer } from '../../lib/kernel/route-programmer.ts';
import { RouteTable } from '../../lib/kernel/route-table.ts';
import { LinkTable } from '../../lib/kernel/socket/link-table.ts';
import { ObjectKind } from '../../lib/kernel/socket/nexthop-object.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import type { RouteEvent } from '../../lib/kernel/state/route-event.ts';
import type { Host, NodeLab } from './node-lab.ts';

export const advertise = 70;
export const hold = 71;

export interface Program {
  table: RouteTable;
  programmer: RouteProgrammer;
  /** One pass. */
  pass(): ReturnType<RouteProgrammer['pass']>;
  /** Passes until nothing is left to do now, and what happened in them. */
  settle(): Promise<RouteEvent[]>;
  /** What happened in all passes so far. */
  events: RouteEvent[];
  /** How often the kernel's changes called for a pass. */
  changes(): number;
  /** How often the monitor lost notifications. */
  overruns(): number;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** Pass on every change of the kernel, as the agent does. */
  follow?: boolean;
  /** Called when the kernel's changes call for a pass. */
  onChange?: () => void;
  /** Stands between us and the kernel. */
  through?: (socket: RouteSocket) => KernelSocket;
  /** Receive buffer of the monitor and the sockets, in bytes. */
  receiveBuffer?: number;
  /** By what kind of nexthop group routes lead to their nexthops. */
  groups?: GroupForm;
}

/** Every way of leading to nexthops, by how a test's name says it. */
export const everyForm: Record<string, GroupForm> = {
  'by multipath': undefined,
  'by groups': { kind: ObjectKind.group },
  'by resilient groups': {
    kind: ObjectKind.resilientGroup,
    resilience: { buckets: 64, idleTimer: 100, unbalancedTimer: 0 },
  },
};

export async function program(
  t: Host,
  { node }: Pick<NodeLab, 'node'>,
  { follow = false, onChange, receiveBuffer, groups, through = socket => socket }: ProgramOptions = {},
): Promise<Program> {
  const socket = new RouteSocket({ netns: node.path, ...(receiveBuffer !== undefined && { receiveBuffer }) });
  const links = new LinkTable();
  const table = new RouteTable({
    table: 254,
    metric: 16,
    protocols: { advertise, hold },
    settleMs: 50,
    links,
    groups,
  });
  const events: RouteEvent[] = [];
  let changes = 0;
  let passing = Promise.resolve();
  let overruns = 0;
  const log = createLog('silent');
  log.warn = (() => overruns++) as unknown as typeof log.warn;
  const programmer = new RouteProgrammer({
    socket: through(socket),
    table,
    links,
    owned: { table: 254, metric: 16, protocols: [advertise, hold] },
    auditMs: 30_000,
    now: () => performance.now(),
    log,
    onChange() {
      changes++;
      onChange?.();
      if (follow) passing = passing.then(passUntilQuiet);
    },
  });
  const pass = async () => {
    const outcome = await programmer.pass(() => true);
    events.push(...outcome.events);
    return outcome;
  };
  const settle = async () => {
    const before = events.length;
    do await pass();
    while (table.busy);
    return events.slice(before);
  };
  /** As the agent's loop does: a pass that fails is followed by another. */
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
