/** The table of all peers: add, replace, write again and delete, peers in turns within each round. */
import { type Cell, Field, families, operations } from '../field.ts';
import type { Bench, Part } from '../part.ts';
import type { Peer } from '../peers/peer.ts';
import { Samples } from './samples.ts';

export const nobody = 'nobody';
export const bareListener = 'a bare listener';
/** Who is measured with somebody listening too: the price is the kernel's, the same for all. */
const listenedTo = ['floor', 'ours'];

interface Piece {
  cell: Cell;
  listens: string;
  peers: Peer[];
}

function* pieces({ plan, peers }: Pick<Bench, 'plan' | 'peers'>): Generator<Piece> {
  for (const listens of [nobody, bareListener]) {
    for (const destinations of plan.destinations) {
      for (const family of families) {
        for (const nexthops of plan.nexthops) {
          const able = peers.filter(
            ({ name, limit }) =>
              destinations <= limit &&
              (destinations <= plan.peerLimit || listenedTo.includes(name)) &&
              (listens === nobody || listenedTo.includes(name)),
          );
          if (able.length > 0) yield { cell: { family, nexthops, destinations }, listens, peers: able };
        }
      }
    }
  }
}

export const routes: Part = {
  name: 'routes',
  what: 'add, replace, write again and delete 100 to 100,000 routes: every peer in the same namespace',
  steps: bench => [...pieces(bench)].reduce((sum, { peers }) => sum + peers.length, 0) * bench.plan.rounds,
  async run(bench) {
    const field = await Field.create(bench.host);
    for (const { cell, listens, peers } of pieces(bench)) {
      const stop = listens === nobody ? async () => {} : await field.listen();
      const samples = new Samples();
      for (let round = 0; round < bench.plan.rounds; round++) {
        // Whoever came first last time comes last now.
        const turns = [...peers.slice(round % peers.length), ...peers.slice(0, round % peers.length)];
        for (const peer of turns) {
          bench.step(`${peer.name}: ${cell.destinations} IPv${cell.family}, ${cell.nexthops} nexthop(s)`);
          await turn(field, peer, cell, samples);
        }
      }
      await stop();
      bench.results.rows.push(...samples.rows({ work: 'routes', ...cell, listens }));
    }
  },
};

async function turn(field: Field, peer: Peer, cell: Cell, samples: Samples): Promise<void> {
  const worker = await peer.open(field, cell);
  try {
    for (const operation of operations) {
      samples.add(peer.name, operation, await worker.perform(operation));
      await field.verify(operation, cell);
    }
  } finally {
    await worker.close();
  }
}
