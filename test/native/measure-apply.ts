/**
 * Microseconds from `apply` to its outcome, and how long JavaScript is held up in it, by size of the batch:
 * what `kInlineBytes` in native/src/route_socket.cc was chosen by. Prints a table.
 *
 *     node test/native/measure-apply.ts
 */
import type { ExecutionContext } from 'ava';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import { createRouteLab, Operation, route } from './route-lab.ts';

const rounds = 300;
const teardowns: (() => unknown)[] = [];
const program = { teardown: (end: () => unknown) => teardowns.push(end) } as unknown as ExecutionContext;

function median(values: number[]): string {
  return (values.sort((a, b) => a - b)[values.length >> 1] as number).toFixed(1);
}

const lab = await createRouteLab(program, 8);
const socket = lab.open();
const rows: Record<string, unknown>[] = [];
for (const family of [4, 6] as const) {
  for (const nexthops of [1, 8]) {
    for (const routes of [1, 2, 4, 8, 16, 32, 64]) {
      const through = Array.from({ length: nexthops }, (_, pod) => lab.nexthop(family, pod));
      const [created, deleted] = [Operation.create, Operation.delete].map(operation => {
        const batch = new RouteBatch();
        for (let number = 0; number < routes; number++) {
          batch.add(route(operation, family, number, operation === Operation.create ? through : []));
        }
        return batch.bytes();
      }) as [Uint8Array, Uint8Array];
      const whole: number[] = [];
      const held: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const start = performance.now();
        const result = socket.apply(created);
        held.push((performance.now() - start) * 1000);
        await result;
        whole.push((performance.now() - start) * 1000);
        await socket.apply(deleted);
      }
      rows.push({
        family,
        nexthops,
        routes,
        bytes: created.length,
        whole: median(whole),
        held: median(held),
      });
    }
  }
}
console.table(rows);
for (const end of teardowns.reverse()) await end();
