/** What goes to a peer, in BIRD's words. */
import { plain } from './quoting.ts';

/**
 * @param name a word of BIRD's, quoted where it has to be
 * @param condition what is true of the routes that are announced
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
