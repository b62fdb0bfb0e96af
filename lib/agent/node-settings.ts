/** Watches this node's settings, and withdraws what the node does not forward. */
import { bothFamilies, type Family } from '../base/address.ts';
import { birdModeOf } from '../bird/mode.ts';
import { advertisedDefaults } from '../kernel/lookups/advertised-defaults.ts';
import { SysctlWatch } from '../sysctl/sysctl-watch.ts';
import { carriedFamilies } from './bird.ts';
import type { AgentContext } from './context.ts';
import type { AnycastReconciler } from './reconciler.ts';
import type { Sources } from './sources.ts';

/** Those of the peers; both while no peer is known. */
function familiesInUse(nodeConfig: Sources['nodeConfig']): ReadonlySet<Family> {
  const carried = carriedFamilies({ nodeConfig });
  return carried.size === 0 ? bothFamilies : carried;
}

/** Resolves after the first look at the settings. */
export async function watchSettings(
  { config, log, clock, socket, stops }: AgentContext,
  { nodeConfig, podInterfaces, onPodInterfaces }: Sources,
): Promise<SysctlWatch> {
  const learnsGroups = () =>
    config.routes.nexthops !== 'multipath' && birdModeOf(nodeConfig.snapshot(), config.bird.mode) === 'learn';
  // A file is read before this; the cluster's takes its time, and may have no peer for IPv6.
  const knowsUse = () => config.nodeConfig.source === 'file' || nodeConfig.snapshot() !== undefined;
  const watch = new SysctlWatch({
    set: config.sysctl.set,
    families: () => familiesInUse(nodeConfig),
    podInterfaces,
    learnsGroups,
    knowsUse,
    advertisedDefaults: () => advertisedDefaults(socket),
    clock,
    everyMs: config.reconcile.tickMs,
    auditMs: config.reconcile.auditMs,
    log,
  });
  stops.add(() => watch.stop());
  onPodInterfaces(names => watch.lookAt(names));
  const use = () => [...familiesInUse(nodeConfig), learnsGroups(), knowsUse()].join();
  let known = use();
  const follow = () => {
    const now = use();
    if (now === known) return;
    known = now;
    watch.lookAtAll();
  };
  stops.add(nodeConfig.onChange(follow));
  await watch.start();
  return watch;
}

/**
 * Withdraws the destinations of a family that this node does not forward, as for a node that drains: their routes stay,
 * for this node's own clients reach pods without forwarding. Announces them again when it forwards.
 */
export function followForwarding(settings: SysctlWatch, reconciler: AnycastReconciler): void {
  const decide = () => reconciler.withdrawFamilies(settings.unforwarded);
  settings.onChange(decide);
  decide();
}
