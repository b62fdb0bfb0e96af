/** The benchmark's own C program: see bench/native/floor.c. */
import { always, type Peer } from './peer.ts';

export const floor: Peer = {
  name: 'floor',
  what: 'C, messages prepared in advance, 256 a send, an ACK on the last of each',
  limit: Number.POSITIVE_INFINITY,
  missing: always,
  async open({ floor: program }, { family, nexthops, destinations }) {
    return {
      perform: async operation =>
        Number(await program.ask(`${operation} ${family} ${nexthops} ${destinations}`)),
      close: async () => {},
    };
  },
};
