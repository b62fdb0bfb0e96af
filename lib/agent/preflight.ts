/**
 * Checks that are made once, at start: whether BIRD can learn our routes, and whether another BIRD is here.
 * What may change while the agent runs is watched (`node-settings.ts`).
 */
import { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import { renderedMark } from '../bird/render.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { readRoutes } from '../kernel/socket/route-record.ts';
import type { RouteSocket } from '../kernel/socket/route-socket.ts';
import { checkCompatMode, type Finding } from '../sysctl/checks.ts';
import { procSysctls, type Sysctls } from '../sysctl/sysctls.ts';

type NexthopsMode = ResolvedAgentConfig['routes']['nexthops'];

/**
 * Why a BIRD in learn mode would announce nothing on this machine.
 *
 * @returns FLOCK_BIRD_BLIND; undefined when BIRD can learn our routes
 */
export function whyBirdIsBlind(
  nexthops: NexthopsMode,
  sysctls: Sysctls = procSysctls,
): FlockError | undefined {
  const finding = compatFinding(nexthops, sysctls);
  if (finding === undefined) return undefined;
  return new FlockError('FLOCK_BIRD_BLIND', finding.message, { value: nexthops, remedy: finding.remedy });
}

function compatFinding(nexthops: NexthopsMode, sysctls: Sysctls): Finding | undefined {
  try {
    return checkCompatMode(sysctls, nexthops !== 'multipath')[0];
  } catch {
    // It can not be read now, as without a free descriptor: no reason to change what BIRD does.
    return undefined;
  }
}

/** Route protocol number of BIRD, `RTPROT_BIRD` of linux/rtnetlink.h. */
const birdProtocol = 12;

export interface PreflightOptions {
  config: ResolvedAgentConfig;
  socket: Pick<RouteSocket, 'dump'>;
  log: Log;
}

/**
 * The kernel protocol of another BIRD in this namespace and that of ours would delete each other's routes.
 *
 * @returns whether our BIRD may write BGP routes to the kernel
 */
export async function mayExportToKernel({ config, socket, log }: PreflightOptions): Promise<boolean> {
  const { kernelExport, config: birdConfigPath } = config.bird;
  if (kernelExport !== 'auto') return kernelExport === 'always';
  // A BIRD that already runs our configuration wrote these routes itself.
  const foreign = isOurs(birdConfigPath) ? 0 : await countRoutes(socket, config.routes.table);
  if (foreign === 0) return true;
  const remedy =
    "stop the other BIRD, or set bird.kernelExport to always (the other BIRD's may be deleted) or never";
  log.warn(
    { code: 'PREFLIGHT_FOREIGN_BIRD', remedy },
    `${foreign} route(s) of another BIRD are in this network namespace: our BIRD does not write BGP routes to the kernel`,
  );
  return false;
}

async function countRoutes(socket: Pick<RouteSocket, 'dump'>, table: number): Promise<number> {
  let count = 0;
  for (const family of [4, 6] as const) {
    const dump = await socket.dump({ family, table, protocols: [birdProtocol] });
    for (const _ of readRoutes(dump)) count++;
  }
  return count;
}

function isOurs(birdConfigPath: string): boolean {
  try {
    return readTextFile(birdConfigPath, longestFile.birdConfig).startsWith(renderedMark);
  } catch {
    return false;
  }
}
