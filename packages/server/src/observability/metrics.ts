import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  /** Gives what counts the requests of one route. */
  route(method: string, pattern: string): (status: number, seconds: number) => void;
  /** A figure that is read when somebody asks; with a label, one for each value. A reading that fails leaves the figure out. */
  gauge(name: string, help: string, read: () => Promise<number> | number): void;
  labeledGauge(name: string, help: string, label: string, read: () => Promise<Record<string, number>>): void;
  /** Everything, in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Seconds: below the first are cached validations, beyond the last nothing should be. */
const durationBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const durations = new Histogram({
    name: 'latchkey_http_request_duration_seconds',
    help: 'How long requests took, by route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: durationBuckets,
    registers: [register],
  });
  const labeledGauge: Metrics['labeledGauge'] = (name, help, label, read) => {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [register],
      async collect() {
        this.reset();
        const values = await read().catch(() => ({}));
        for (const [value, figure] of Object.entries(values)) this.set({ [label]: value }, figure);
      },
    });
  };
  return {
    route(method, pattern) {
      const children = new Map<number, { observe(seconds: number): void }>();
      return (status, seconds) => {
        let child = children.get(status);
        if (child === undefined) {
          child = durations.labels(method, pattern, String(status));
          children.set(status, child);
        }
        child.observe(seconds);
      };
    },
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [register],
        async collect() {
          this.reset();
          const value = await Promise.resolve()
            .then(read)
            .catch(() => null);
          if (value !== null) this.set(value);
        },
      });
    },
    labeledGauge,
    text: () => register.metrics(),
    contentType: register.contentType,
  };
}
