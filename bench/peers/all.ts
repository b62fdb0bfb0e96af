/** All peers, the floor first. */
import { bird } from './bird.ts';
import { floor } from './floor.ts';
import { frr } from './frr.ts';
import { ip } from './ip.ts';
import { groups, loop, ours } from './ours.ts';
import type { Peer } from './peer.ts';
import { go, pyroute2 } from './scripted.ts';

export const allPeers: readonly Peer[] = [floor, ours, groups, loop, ip, go, pyroute2, frr, bird];
