/**
 * Which of the node config's prefixes get an unreachable route: those that BIRD announces, without one that has the
 * cluster's services.
 */
import { parseAddress } from '../base/address.ts';
import type { BirdOutcome } from '../bird/manager.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { PrefixRoutes } from '../kernel/prefix-routes.ts';
import { isWithin, parsePrefix } from '../policy/prefix.ts';
import type { AgentContext } from './context.ts';

/** Makes the routes follow what BIRD announces. @returns what is to be called after each attempt to configure BIRD */
export function openPrefixRoutes({
  config,
  socket,
  clock,
  log,
  stops,
}: AgentContext): (outcome: Pick<BirdOutcome, 'state'>, nodeConfig: NodeConfig | undefined) => void {
  const routes = new PrefixRoutes({
    socket,
    protocol: config.routes.protocols.hold,
    auditMs: config.reconcile.auditMs,
    clock,
    log,
  });
  stops.add(() => routes.stop());
  const told = new Set<string>();
  return ({ state }, nodeConfig) => {
    const announced = nodeConfig?.advertise.prefixes ?? [];
    const prefixes = withoutServices(announced, process.env.KUBERNETES_SERVICE_HOST);
    for (const prefix of announced) {
      if (prefixes.includes(prefix) || told.has(prefix)) continue;
      told.add(prefix);
      const remedy = 'announce pods here; a node reaches the services of its cluster without announcing them';
      log.warn(
        { code: 'PREFIX_HAS_SERVICES', remedy },
        `${prefix} has the cluster's services, which have no routes: addresses of it that nobody has are not answered`,
      );
    }
    if (state === 'applied' || state === 'unchanged') routes.follow(prefixes);
    // A BIRD that refuses a configuration goes on announcing what it announced.
    else if (state === 'unreachable') routes.narrow(prefixes);
  };
}

/**
 * A packet of the node itself is routed before its service address is translated (the OUTPUT hook of netfilter): an
 * unreachable route for the services would take them from the node, the API server among them.
 *
 * @param service the address of the cluster's own service, as pods have it in their environment
 */
export function withoutServices(prefixes: readonly string[], service: string | undefined): readonly string[] {
  if (service === undefined || service === '') return prefixes;
  let address: ReturnType<typeof parseAddress>;
  try {
    address = parseAddress(service);
  } catch {
    return prefixes;
  }
  return prefixes.filter(prefix => !isWithin(address, parsePrefix(prefix)));
}
