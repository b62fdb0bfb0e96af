/** What a dump says against what we believe. */
import { configuredNexthops, sameNexthops } from './nexthops.ts';
import { destinationOfView, type RouteView, viewRoutes } from './packed-route.ts';
import type { Programmed, RouteEntry } from './route-entry.ts';
import type { RouteIndex } from './route-index.ts';

export interface Adoption {
  /** Destinations that the kernel holds otherwise than we believed, or that we did not know of. */
  found: { entry: RouteEntry; programmed: Programmed }[];
  /** Destinations that the kernel does not hold, though we believed so. */
  absent: RouteEntry[];
  /** Our routes that we can never want: of another metric, or of a kind that we do not make. */
  strays: RouteView[];
}

/**
 * @param dumps all routes of our table and protocols, packed
 * @param index entries are made in it for destinations that we did not know of
 * @param metric of our routes
 */
export function adoptRoutes(dumps: readonly Uint8Array[], index: RouteIndex, metric: number): Adoption {
  const absent = new Set([...index.values()].filter(entry => entry.programmed !== undefined));
  const adoption: Adoption = { found: [], absent: [], strays: [] };
  for (const dump of dumps) {
    for (const view of viewRoutes(dump)) {
      if (view.metric !== metric || !view.isOurKind) {
        adoption.strays.push(view);
        continue;
      }
      const entry = index.ensure(destinationOfView(view));
      absent.delete(entry);
      const nexthops = configuredNexthops(view.nexthops);
      const { programmed } = entry;
      const asBelieved = programmed !== undefined && programmed.protocol === view.protocol;
      if (asBelieved && sameNexthops(programmed.nexthops, nexthops)) continue;
      adoption.found.push({ entry, programmed: { protocol: view.protocol, nexthops } });
    }
  }
  adoption.absent = [...absent];
  return adoption;
}
