/** A filter in BIRD's syntax that decides what is exported to a peer. Pure. */
import { plain } from './quoting.ts';

/**
 * @param name a symbol of BIRD, quoted where needed
 * @param condition in BIRD's syntax, true for the routes that are announced
 * @param communities `ASN:VALUE` or `ASN:VALUE:VALUE`, added to those routes
 */
export function exportFilter(name: string, condition: string, communities: readonly string[] = []): string {
  const then =
    communities.length === 0
      ? 'accept;'
      : `{\n${communities.map(text => `    ${addition(text)}\n`).join('')}    accept;\n  }`;
  return `filter ${name} {
  if ${condition} then ${then}
  reject;
}`;
}

function addition(community: string): string {
  const parts = community.split(':').map(plain);
  return `${parts.length === 3 ? 'bgp_large_community' : 'bgp_community'}.add((${parts.join(', ')}));`;
}
