import test from 'ava';
import fc from 'fast-check';
import { InterfaceIndex } from '../../../lib/kernel/state/interface-index.ts';
import { newEntry } from '../../../lib/kernel/state/route-entry.ts';

test('whatever joins and leaves, an interface is led through by those whose set has it', t => {
  const entries = ['192.0.2.1/32', '192.0.2.2/32', '192.0.2.3/32'].map(newEntry);
  const sets = [['p0'], ['p0', 'p1'], ['p1', 'p2', 'p1'], ['p0', 'p1'], []];
  const step = fc.record({ entry: fc.nat(entries.length - 1), set: fc.nat(sets.length - 1) });
  fc.assert(
    fc.property(fc.array(step), steps => {
      const index = new InterfaceIndex((names: readonly string[]) => names);
      const holds = new Map<(typeof entries)[number], readonly string[]>();
      for (const step of steps) {
        const entry = entries[step.entry] as (typeof entries)[number];
        const before = holds.get(entry);
        const set = sets[step.set] as string[];
        if (before !== undefined) index.remove(entry, before);
        holds.delete(entry);
        if (before === set) continue;
        index.add(entry, set);
        holds.set(entry, set);
      }
      for (const name of ['p0', 'p1', 'p2', 'p3']) {
        const expected = entries.filter(entry => holds.get(entry)?.includes(name));
        const found = index.through(name).map(({ destination }) => destination);
        t.deepEqual(found.sort(), expected.map(({ destination }) => destination).sort());
      }
    }),
  );
});
