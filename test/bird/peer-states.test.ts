import test from 'ava';
import { peerStates } from '../../lib/bird/peer-states.ts';
import type { Peer } from '../../lib/config/peer.ts';

const peers = ['tor1', 'tor2', 'tor3', 'tor4'].map(name => ({ name })) as Peer[];

test("each peer has the session's state from BIRD's reply, or Unknown", t => {
  const lines = [
    'Name       Proto      Table      State  Since         Info',
    'own4       Static     master4    up     03:41:07.512  ',
    'peer_tor1  BGP        ---        up     03:41:07.512  Established   ',
    'peer_tor2  BGP        ---        start  2026-11-20 10:11:12  Active        Socket: Connection refused',
    'peer_tor3  BGP        ---        down   2026-11-20  ',
  ].map(text => ({ code: 2002, text }));
  t.deepEqual(
    peerStates(peers, { lines }).map(({ state }) => state),
    ['Established', 'Active', 'down', 'Unknown'],
  );
  t.deepEqual(
    peerStates(peers, undefined).map(({ state }) => state),
    ['Unknown', 'Unknown', 'Unknown', 'Unknown'],
  );
});
