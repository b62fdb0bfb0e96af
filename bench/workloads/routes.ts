/** The table of all peers: add, replace, write again and delete; peers alternate within each round. */
import { type Cell, Field, families, operations } from '../field.ts';
import type { Bench, Part } from '../part.ts';
import { untilProgrammed } from '../peers/kernel-state.ts';
import type { Peer } from '../peers/peer.ts';
import { Samples } from './samples.ts';

export const nobody = 'nobody';
export const bareListener = 'a bare listener';
/** The peers that are also measured with a listener: the added cost is the kernel's, the same for all. */
const listenedTo = ['floor', 'ours'];

interface Piece {
  cell: Cell;
  listens: string;
  /** A peer and its cell; slow peers have a smaller cell. */
  turns: { peer: Peer; cell: Cell }[];
}

/** The peers and their cells at one size of the table; no peer gets the same cell twice. */
function turnsAt(
  destinations: number,
  { plan, peers }: Pick<Bench, 'plan' | 'peers'>,
): { peer: Peer; destinations: number }[] {
  const limitOf = ({ name, limit }: Peer) =>
    listenedTo.includes(name) ? Number.POSITIVE_INFINITY : limit * plan.peerShare;
  return peers
    .filter(peer => !plan.destinations.some(less => less < destinations && less >= limitOf(peer)))
    .map(peer => ({ peer, destinations: Math.min(destinations, limitOf(peer)) }));
}

function* pieces(bench: Pick<Bench, 'plan' | 'peers'>): Generator<Piece> {
  const { plan } = bench;
  for (const listens of [nobody, bareListener]) {
    for (const destinations of plan.destinations) {
      const turns = turnsAt(destinations, bench).filter(
        ({ peer }) => listens === nobody || listenedTo.includes(peer.name),
      );
      for (const family of families) {
        for (const nexthops of plan.nexthops) {
          const cell = { family, nexthops, destinations };
          const own = turns.map(turn => ({
            peer: turn.peer,
            cell: { ...cell, destinations: turn.destinations },
          }));
          yield { cell, listens, turns: own };
        }
      }
    }
  }
}

export const routes: Part = {
  name: 'routes',
  what: 'add, replace, write again and delete 100 to 100,000 routes: every peer in the same namespace',
  steps: bench => [...pieces(bench)].reduce((sum, { turns }) => sum + turns.length, 0) * bench.plan.rounds,
  async run(bench) {
    const field = await Field.create(bench.host);
    for (const { cell, listens, turns } of pieces(bench)) {
      const stop = listens === nobody ? async () => {} : await field.listen();
      const samples = new Samples();
      for (let round = 0; round < bench.plan.rounds; round++) {
        // Each round begins with another peer.
        const first = round % turns.length;
        for (const { peer, cell: own } of [...turns.slice(first), ...turns.slice(0, first)]) {
          bench.step(`${peer.name}: ${own.destinations} IPv${own.family}, ${own.nexthops} nexthop(s)`);
          await turn(field, peer, own, samples);
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
      samples.add(peer.name, operation, await worker.perform(operation), cell.destinations);
      // Not measured.
      await (peer.restless ? untilProgrammed(field, operation, cell) : field.verify(operation, cell));
    }
  } finally {
    await worker.close();
  }
}
