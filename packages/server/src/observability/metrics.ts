import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createDurations } from './durations.ts';

export interface Metrics {
  /** Gives what counts the requests of one route. */
  route(method: string, pattern: string): (status: number, seconds: number) => void;
  /** Gives what times something by labels; each combination of them is a series for good, so their values must be few. */
  durations(name: string, help: string): (labels: Record<string, string>, seconds: number) => void;
  /** Gives what counts something by one label of few values. */
  counter(name: string, help: string, label: string): (value: string, count?: number) => void;
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
    durations(name, help) {
      const durations = createDurations(name, help);
      register.registerMetric(durations.metric);
      const children = new Map<string, (seconds: number) => void>();
      return (labels, seconds) => {
        const key = JSON.stringify(labels);
        let observe = children.get(key);
        if (observe === undefined) {
          observe = durations.child(labels);
          children.set(key, observe);
        }
        observe(seconds);
      };
    },
    counter(name, help, label) {
      const counter = new Counter({ name, help, labelNames: [label], registers: [register] });
      return (value, count = 1) => counter.inc({ [label]: value }, count);
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
