/**
 * Which `Host` header is answered. A browser on this node, or on a machine that reaches it, can be led here by a name
 * whose owner gives it this node's address (DNS rebinding): the page then reads what is served here. Such a request has
 * that name as its host; Prometheus and the kubelet ask by address.
 */
import { isIP } from 'node:net';

/**
 * @param host the header, such as `10.0.0.1:9470`; undefined in HTTP/1.0, which no browser speaks
 * @param names that are allowed besides addresses and `localhost`, in lower case
 */
export function isAllowedHost(host: string | undefined, names: ReadonlySet<string>): boolean {
  if (host === undefined) return true;
  const [, bracketed, bare = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d*)?$/.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = bare.toLowerCase().replace(/\.$/, '');
  return isIP(name) === 4 || name === 'localhost' || names.has(name);
}
