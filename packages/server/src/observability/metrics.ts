import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createDurations } from './durations.ts';

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

export function createMetrics(): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const durations = createDurations(
    'latchkey_http_request_duration_seconds',
    'How long requests took, by route pattern and status.',
  );
  register.registerMetric(durations.metric);
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
      const children = new Map<number, (seconds: number) => void>();
      return (status, seconds) => {
        let observe = children.get(status);
        if (observe === undefined) {
          observe = durations.child({ method, route: pattern, status: String(status) });
          children.set(status, observe);
        }
        observe(seconds);
      };
    },
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [register],
        async collect() {
          // Not `reset`, which would leave a zero that looks like a figure.
          this.remove();
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
