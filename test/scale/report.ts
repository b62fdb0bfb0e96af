/** The figures as text. Pure. */

import type { Quantiles } from './flips.ts';
import type { Figures, Start } from './measure.ts';

export function describe({ size, empty, full, flips, restart, crowd }: Figures): string[] {
  const { pods, cluster } = size;
  const { listBytes, sentBytes } = full.traffic;
  return [
    `${pods} pods on the node, ${cluster.toLocaleString('en')} in the cluster`,
    `start, no pods: ${startOf(empty)}`,
    `start, ${pods} pods: ${startOf(full)}`,
    `on the wire at the start: ${kilobytes(sentBytes)} kB, of them lists ${kilobytes(listBytes)} kB` +
      ` (${Math.round(listBytes / pods)} bytes a pod); of other nodes' pods nothing`,
    `${flips.asked} flips, ${flips.perSecond} a second: ${flips.seen} seen in the kernel, ${flips.overtaken} overtaken by the pod's next`,
    `lag in ms from the server's answer to the kernel's route: ${quantilesOf(flips.sinceAnswer)}`,
    `lag in ms from the patch's sending: ${quantilesOf(flips.sincePatch)}`,
    `  (they include what the observer itself is late: p99 ${flips.observerDelayMs} ms)`,
    `${flips.traffic.lists} times a watch was lost and a list made up for it`,
    `${Math.round(flips.traffic.watchBytes / flips.traffic.events)} bytes an event,` +
      ` ${(flips.agent.cpuMs / flips.asked).toFixed(2)} ms of processor a flip,` +
      ` then ${flips.agent.rssMiB} MiB RSS, ${flips.agent.peakMiB} at most`,
    `restart: in sync after ${restart.syncedMs} ms, ${restart.routeEvents} route events`,
    `${crowd.nodes} other nodes at once, ${crowd.pods} pods listed: all watch after ${crowd.allMs} ms, ${crowd.postponed} were put off (429);` +
      ` the server spent ${(crowd.serverCpuMs / crowd.nodes).toFixed(1)} ms of processor and holds ${Math.round((crowd.serverMiB * 1024) / crowd.nodes)} KiB a node`,
  ];
}

function startOf({ firstRequestMs, syncedMs, rssMiB, cpuMs }: Start): string {
  return `first request after ${firstRequestMs} ms, in sync after ${syncedMs} ms, ${rssMiB} MiB RSS, ${cpuMs} ms of processor`;
}

function quantilesOf({ p50, p99, max }: Quantiles): string {
  return `p50 ${p50}, p99 ${p99}, max ${max}`;
}

function kilobytes(bytes: number): string {
  return Math.round(bytes / 1000).toLocaleString('en');
}
