/** The metrics for Prometheus, with their names and descriptions. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Each in `registry`, which is its own: several can exist in one process. */
export class Metrics {
  readonly registry = new Registry();

  readonly passes = new Counter({
    name: 'flock_anycast_passes_total',
    help: 'Reconcile passes, by whether they wrote to the kernel.',
    labelNames: ['wrote'] as const,
    registers: [this.registry],
  });

  readonly passSeconds = new Histogram({
    name: 'flock_anycast_pass_seconds',
    help: 'Duration of a pass that wrote to the kernel.',
    buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    registers: [this.registry],
  });

  readonly requests = new Counter({
    name: 'flock_anycast_route_requests_total',
    help: 'Requests to the kernel, by kind and outcome.',
    labelNames: ['request', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly drift = new Counter({
    name: 'flock_anycast_drift_total',
    help: 'Destinations whose route in the kernel was found to differ from what was programmed.',
    registers: [this.registry],
  });

  readonly deletedObjects = new Counter({
    name: 'flock_anycast_nexthops_deleted_total',
    help: 'Nexthop objects of ours that other programs deleted.',
    registers: [this.registry],
  });

  readonly birdUp = new Gauge({
    name: 'flock_anycast_bird_up',
    help: 'Whether BIRD runs the configuration that the agent rendered.',
    registers: [this.registry],
  });

  /**
   * Counts log lines that nobody can read.
   *
   * @param dropped those that standard error did not take
   * @param unwritten those about pods that were over a pod's rate
   */
  watchLostLines(dropped: () => number, unwritten: () => number): void {
    this.#count(
      'flock_anycast_log_lines_dropped_total',
      'Log lines that were dropped because standard error did not take them.',
      dropped,
    );
    this.#count(
      'flock_anycast_pod_log_lines_unwritten_total',
      'Log lines about a pod that a later one replaced, because the pod had more than its share.',
      unwritten,
    );
  }

  /** A counter that is kept elsewhere. */
  #count(name: string, help: string, count: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(count());
      },
    });
  }

  /** Shows at each scrape what runs beside the routing. */
  watchOpenings(states: () => Iterable<{ readonly part: string; readonly open: boolean }>): void {
    new Gauge({
      name: 'flock_anycast_beside_up',
      help: 'Whether a part that routing does not need works: the listener, the local API, the state file.',
      labelNames: ['part'] as const,
      registers: [this.registry],
      collect() {
        for (const { part, open } of states()) this.set({ part }, Number(open));
      },
    });
  }

  /** Counts destinations in a state at each scrape. */
  watchDestinations(state: string, meaning: string, count: () => number): void {
    new Gauge({
      name: `flock_anycast_destinations_${state}`,
      help: `Destinations that are ${meaning} now.`,
      registers: [this.registry],
      collect() {
        this.set(count());
      },
    });
  }

  /** Counts held pods at each scrape. */
  watchHeldPods(count: () => number): void {
    new Gauge({
      name: 'flock_anycast_pods_held',
      help: "Pods that serve although they are not Ready, held because that is not the pod's word: its containers are ready and its readiness gates hold.",
      registers: [this.registry],
      collect() {
        this.set(count());
      },
    });
  }

  /** Counts refused addresses at each scrape. */
  watchRefusals(refused: () => Iterable<{ readonly reason: string }>): void {
    new Gauge({
      name: 'flock_anycast_refusals',
      help: 'Requests of pods that are refused now, by reason.',
      labelNames: ['reason'] as const,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const { reason } of refused()) this.inc({ reason });
      },
    });
  }

  /** Counts wrong settings of the node at each scrape; each code has a value, 0 where nothing is wrong. */
  watchFindings(codes: readonly string[], findings: () => Iterable<{ readonly code: string }>): void {
    new Gauge({
      name: 'flock_anycast_preflight_findings',
      help: "Settings of the node, and of pods' interfaces, that are wrong now, by code.",
      labelNames: ['code'] as const,
      registers: [this.registry],
      collect() {
        for (const code of codes) this.set({ code }, 0);
        for (const { code } of findings()) this.inc({ code });
      },
    });
  }

  /** Counts shadowed destinations at each scrape. */
  watchShadows(count: () => number): void {
    new Gauge({
      name: 'flock_anycast_destinations_shadowed',
      help: 'Destinations that something else forwards: another route, a rule, an address of this node.',
      registers: [this.registry],
      collect() {
        this.set(count());
      },
    });
  }
}
