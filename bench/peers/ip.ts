/** `ip -batch`: the time includes the start of the process, as it does for every caller. */
import { type Cell, destination, gateway, type Operation, variantOf } from '../field.ts';
import { always, type Peer } from './peer.ts';

const verbs = { add: 'add', replace: 'replace', noop: 'replace', delete: 'del' } as const;

/** The lines for a cell. Pure. */
export function ipLines(operation: Operation, { family, nexthops, destinations }: Cell): string[] {
  const hops = Array.from({ length: nexthops }, (_, pod) => {
    return `via ${gateway(family, pod, variantOf(operation))} dev p${pod}`;
  });
  const through = nexthops === 1 ? hops[0] : hops.map(hop => `nexthop ${hop}`).join(' ');
  const rest = operation === 'delete' ? 'proto 70 metric 16' : `proto 70 metric 16 ${through}`;
  return Array.from(
    { length: destinations },
    (_, number) => `route ${verbs[operation]} ${destination(family, number)} ${rest}`,
  );
}

export const ip: Peer = {
  name: 'ip',
  what: '`ip -batch` of iproute2, start of the process included',
  limit: 10_000,
  missing: always,
  open: async (field, cell) => ({
    async perform(operation) {
      const lines = ipLines(operation, cell);
      const began = performance.now();
      await field.node.ipBatch(lines);
      return (performance.now() - began) * 1000;
    },
    close: async () => {},
  }),
};
