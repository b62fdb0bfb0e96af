/** What `--only` selects: names of parts, names of peers, or both. */
import type { Part } from './part.ts';
import type { Peer } from './peers/peer.ts';

interface Choice {
  parts: Part[];
  peers: Peer[];
}

/** @throws Error for an unknown name */
export function choose(only: readonly string[], parts: readonly Part[], peers: readonly Peer[]): Choice {
  const unknown = only.find(name => ![...parts, ...peers].some(known => known.name === name));
  if (unknown !== undefined) {
    const names = [...parts, ...peers].map(({ name }) => name).join(', ');
    throw new Error(`--only ${unknown}: no such part or peer; choose from ${names}`);
  }
  const named = <T extends { name: string }>(all: readonly T[]) => {
    const some = all.filter(({ name }) => only.includes(name));
    return some.length === 0 ? [...all] : some;
  };
  const chosen = named(peers);
  // With peers alone, only the part that measures peers runs.
  const partsNamed = parts.some(({ name }) => only.includes(name));
  const rest = only.length > 0 && !partsNamed ? parts.filter(({ name }) => name === 'routes') : named(parts);
  return { parts: rest, peers: withFloor(chosen, peers) };
}

/** The floor is always included: ratios need it. */
function withFloor(chosen: Peer[], peers: readonly Peer[]): Peer[] {
  return peers.filter(peer => peer.name === 'floor' || chosen.includes(peer));
}

export function describeChoices(parts: readonly Part[], peers: readonly Peer[]): string {
  const lines = (all: readonly { name: string; what: string }[]) =>
    all.map(({ name, what }) => `  ${name.padEnd(13)} ${what}`).join('\n');
  return `\nParts:\n${lines(parts)}\n\nPeers:\n${lines(peers)}\n`;
}
