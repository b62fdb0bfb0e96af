import test from 'ava';
import fc from 'fast-check';
import { formatAddress } from '../../../lib/base/address.ts';
import { hashOf, RouteIndex } from '../../../lib/kernel/state/route-index.ts';
import { advertise, four, hops, six, wanted } from '../../support/packed.ts';

const programmed = (...indexes: number[]) => ({ protocol: advertise, nexthops: hops(...indexes), group: 0 });

/** Two IPv4 addresses of the same hash, found among many that are far apart. */
function sharingHash(): Uint8Array[] {
  const seen = new Map<number, number>();
  const bytesOf = (address: number) =>
    Uint8Array.of(...[24, 16, 8, 0].map(shift => (address >>> shift) & 255));
  for (let n = 0; n < 1 << 20; n++) {
    const address = Math.imul(n, 2_654_435_761);
    const hash = hashOf(bytesOf(address), 0, 4);
    const other = seen.get(hash);
    if (other !== undefined) return [bytesOf(other), bytesOf(address)];
    seen.set(hash, address);
  }
  return [];
}

test('an entry is found by its name and by its bytes until it is forgotten, whatever shares its hash', t => {
  const colliding = sharingHash().map(bytes => `${formatAddress(bytes)}/32`);
  t.is(colliding.length, 2, 'two addresses share a hash');
  const destinations = [...colliding, four, six];
  fc.assert(
    fc.property(fc.subarray(destinations), fc.shuffledSubarray(destinations), (known, forgotten) => {
      const index = new RouteIndex();
      for (const destination of known) index.ensure(destination);
      for (const destination of forgotten) {
        const entry = index.get(destination);
        if (entry !== undefined) index.forget(entry);
      }
      const left = known.filter(each => !forgotten.includes(each));
      t.deepEqual([...index.values()].map(({ destination }) => destination).sort(), [...left].sort());
      for (const destination of destinations) {
        const { bytes } = new RouteIndex().ensure(destination);
        t.is(
          index.find(bytes, 0, bytes.length)?.destination,
          left.find(each => each === destination),
        );
      }
    }),
  );
});

test('entries are found by the interfaces that they want and by those that they are programmed through', t => {
  const index = new RouteIndex();
  const entry = index.ensure(four);
  index.want(entry, { nexthops: wanted(1, 2) });
  index.record(entry, programmed(2, 3));
  t.deepEqual([index.wanting('p1'), index.wanting('p3')], [[entry], []]);
  t.deepEqual([index.through(1), index.through(3)], [[], [entry]]);
  index.want(entry, { nexthops: wanted(3) });
  index.record(entry, programmed(1));
  t.deepEqual([index.wanting('p1'), index.wanting('p3')], [[], [entry]]);
  t.deepEqual([index.through(1), index.through(3)], [[entry], []]);
  index.want(entry, { nexthops: [] });
  index.record(entry, undefined);
  t.deepEqual([index.wanting('p3'), index.through(1)], [[], []]);
});

test('the same nexthops again change nothing but the tag and the time of the drain', t => {
  const index = new RouteIndex();
  const entry = index.ensure(four);
  const nexthops = wanted(1);
  index.want(entry, { nexthops });
  index.want(entry, { nexthops, holdUntil: 5 });
  t.is(entry.desired.holdUntil, 5);
  const believed = programmed(1);
  index.record(entry, believed);
  index.record(entry, { ...believed, protocol: 71 });
  t.is(entry.programmed?.protocol, 71);
  t.deepEqual(index.through(1), [entry]);
});

test('what is believed to be there is counted, and each coming and going of it', t => {
  const index = new RouteIndex();
  const [one, two] = [index.ensure(four), index.ensure(six)];
  index.record(one, programmed(1));
  index.record(two, programmed(1));
  index.record(two, programmed(2));
  t.deepEqual([index.programmed, index.turnover], [2, 2]);
  index.record(one, undefined);
  index.record(one, undefined);
  t.deepEqual([index.programmed, index.turnover], [1, 3]);
});
