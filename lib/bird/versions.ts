/**
 * What differs between the versions of BIRD, and why. Pure. `npm run test:birds` runs the tests with each version that
 * is named here.
 */

/** What a BIRD can do, as far as that differs. */
export interface BirdTraits {
  /** It knows the channel's option `link local next hop format` (2.17 and newer; others refuse the configuration). */
  hasNextHopFormat: boolean;
  /**
   * Between two scans of the kernel's routes, in seconds. The scan finds changes without a notification, such as IPv4
   * routes that go with an address. In 3.1 and 3.4 it also mends `merge paths`: the kernel protocol notes the id of a
   * route that it may not export (one that it has learned from the kernel), keeps the note when the route goes, and
   * takes the next route with this id for a rejected one. That is often the very BGP path that is to replace it:
   *
   *     ip route del 192.0.2.53/32 metric 16; ip monitor route     # 0.02 s to `proto bird` in 2.x, the next scan in 3.x
   *
   * A drain (5 s) is longer than a second, so that nothing is lost. With 2,000 routes such a BIRD needs 5 ms a second.
   */
  scanSeconds: number;
  /** The command that makes a kernel protocol read the kernel's routes again; 3.x has no `reload NAME`. */
  reload: 'reload' | 'reload filters in';
}

/*
 * What differs, and is the same for us:
 * - 3.4 ends (`Assertion … failed at lib/event.c:332`) within a second after a configuration was queued behind another:
 *   `birdc configure & birdc configure`, when the first takes a while. `configure` waits until BIRD has none in hand.
 * - 3.4 tells its peers `Cease` on `birdc graceful restart`: they withdraw all at once. Ended by SIGKILL it loses
 *   nothing, like any BIRD (docs/install.md).
 * - 3.x names attributes otherwise in `show route all` (`bgp_community:` for `BGP.community:`): the agent reads none.
 */

type Version = readonly [major: number, minor: number];

/** The newest that is tested, of each major version. */
const newestTested: readonly Version[] = [
  [2, 20],
  [3, 4],
];

/** @param version such as `2.0.12`; undefined while it is not known: what any BIRD takes */
export function traitsOf(version: string | undefined): BirdTraits {
  const is = parse(version);
  const is3 = is !== undefined && !isBefore(is, [3, 0]);
  return {
    hasNextHopFormat: is !== undefined && !isBefore(is, [2, 17]),
    scanSeconds: is3 ? 1 : 10,
    reload: is3 ? 'reload filters in' : 'reload',
  };
}

/**
 * The tested version that a newer BIRD is taken for: the newest of its major version, or of all.
 * @returns undefined for a BIRD that is not newer
 */
export function takenFor(version: string): string | undefined {
  const is = parse(version);
  if (is === undefined) return undefined;
  const newest = newestTested.find(([major]) => major === is[0]) ?? newestTested.at(-1);
  return newest !== undefined && isBefore(newest, is) ? newest.join('.') : undefined;
}

function parse(version: string | undefined): Version | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '')?.map(Number) ?? [];
  return major === undefined || minor === undefined ? undefined : [major, minor];
}

function isBefore([major, minor]: Version, [thanMajor, thanMinor]: Version): boolean {
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
