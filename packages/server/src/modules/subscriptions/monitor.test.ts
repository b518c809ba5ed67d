import { describe, expect, it } from 'vitest';
import { createCollectingLog } from '../../../test/support/ports.ts';
import { createMonitor } from './monitor.ts';

describe('the monitor', () => {
  it('looks at everything else when one look fails, says what it found, and then fails', async () => {
    const log = createCollectingLog();
    const looked: string[] = [];
    const look = (name: string, answer: number) => async () => {
      looked.push(name);
      return answer;
    };
    const monitor = createMonitor({
      log,
      follow: look('follow', 3),
      tellOfEnds: async () => {
        throw new Error('no mail');
      },
      refresh: look('refresh', 1),
      concerns: async () => [{ part: 'intents', because: 'Stripe could not be told something for 1000 s.' }],
    });
    await expect(monitor()).rejects.toThrow('These looks failed: told.');
    expect(looked).toEqual(['follow', 'refresh']);
    expect(log.lines.map(({ level, fields }) => ({ level, ...fields }))).toEqual([
      { level: 'warn', part: 'intents', because: 'Stripe could not be told something for 1000 s.' },
      { level: 'info', looked: 3, renewed: 1, concerns: 1 },
    ]);
  });
});
