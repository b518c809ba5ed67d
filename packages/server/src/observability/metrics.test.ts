import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

describe('the metrics', () => {
  it('count requests by route and status in cumulative buckets', async () => {
    const metrics = createMetrics();
    const record = metrics.route('POST', '/v1/licenses/:id/renew');
    record(200, 0.0004);
    record(200, 0.003);
    record(200, 60);
    record(404, 0.01);
    const text = await metrics.text();
    const value = (name: string, labels: string) => {
      const line = text
        .split('\n')
        .find((one) => one.startsWith(`latchkey_http_request_duration_seconds_${name}{${labels}}`));
      return Number(line?.split(' ').at(-1));
    };
    const labels = 'method="POST",route="/v1/licenses/:id/renew",status="200"';
    expect(text).toContain('# TYPE latchkey_http_request_duration_seconds histogram');
    expect(value('bucket', `${labels},le="0.0005"`)).toBe(1);
    expect(value('bucket', `${labels},le="0.005"`)).toBe(2);
    expect(value('bucket', `${labels},le="10"`)).toBe(2);
    expect(value('bucket', `${labels},le="+Inf"`)).toBe(3);
    expect(value('count', labels)).toBe(3);
    expect(value('sum', labels)).toBeCloseTo(60.0034);
    expect(value('bucket', 'method="POST",route="/v1/licenses/:id/renew",status="404",le="0.01"')).toBe(1);
  });

  it('read figures when they are asked for, and leave out what cannot be read', async () => {
    const metrics = createMetrics();
    let pending = 3;
    metrics.gauge('latchkey_outbox_pending', 'Effects that wait.', () => pending);
    metrics.gauge('latchkey_inbox_pending', 'Events that wait.', async () => {
      throw new Error('database gone');
    });
    metrics.labeledGauge('latchkey_licenses', 'Licenses by status.', 'status', async () => ({ active: 5, revoked: 1 }));
    const first = await metrics.text();
    expect(first).toContain('latchkey_outbox_pending 3');
    expect(first).not.toMatch(/^latchkey_inbox_pending \d/m);
    expect(first).toContain('latchkey_licenses{status="active"} 5');
    expect(first).toContain('process_cpu_seconds_total');
    pending = 4;
    expect(await metrics.text()).toContain('latchkey_outbox_pending 4');
  });
});
