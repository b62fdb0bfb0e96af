/** What a Prometheus scrapes; every metric is named and explained here. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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
    help: 'Requests to the kernel, by what was asked and whether it was done.',
    labelNames: ['request', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly drift = new Counter({
    name: 'flock_anycast_drift_total',
    help: 'Destinations where the kernel was found to differ from what we had programmed.',
    registers: [this.registry],
  });

  readonly birdUp = new Gauge({
    name: 'flock_anycast_bird_up',
    help: 'Whether BIRD runs the configuration that we rendered.',
    registers: [this.registry],
  });

  /** Counts destinations in a state whenever somebody scrapes. */
  watchDestinations(state: 'advertised' | 'held' | 'failed', count: () => number): void {
    new Gauge({
      name: `flock_anycast_destinations_${state}`,
      help: `Destinations that are ${state} now.`,
      registers: [this.registry],
      collect() {
        this.set(count());
      },
    });
  }

  /** Counts what pods ask for and do not get, whenever somebody scrapes. */
  watchRefusals(refused: () => Iterable<{ readonly reason: string }>): void {
    new Gauge({
      name: 'flock_anycast_refusals',
      help: 'What pods ask for and do not get now, by reason.',
      labelNames: ['reason'] as const,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const { reason } of refused()) this.inc({ reason });
      },
    });
  }

  /** Counts the destinations that something else forwards, whenever somebody scrapes. */
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
