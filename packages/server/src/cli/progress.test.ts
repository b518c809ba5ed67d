import { describe, expect, it } from 'vitest';
import type { Host } from './host.ts';
import { createProgress } from './progress.ts';

function hostWith(isTerminal: boolean): { host: Host; drawn: string[]; lines: string[] } {
  const drawn: string[] = [];
  const lines: string[] = [];
  const host: Host = {
    environment: {},
    directory: '.',
    color: false,
    out: () => {},
    err: (line) => void lines.push(line),
    readInput: async () => '',
    startServer: async () => {},
    onInterrupt: () => () => {},
    ...(isTerminal ? { terminal: (text: string) => void drawn.push(text) } : {}),
  };
  return { host, drawn, lines };
}

describe('progress', () => {
  it('is a bar that is drawn over on a terminal, and gone at the end', () => {
    const { host, drawn, lines } = hostWith(true);
    const progress = createProgress(host, { quiet: true });
    progress.update(0.5, '10 rows');
    progress.update(1, '20 rows');
    progress.end();
    const over = '\r\u001b[2K';
    expect(drawn).toEqual([
      `${over}[############............]  50 % 10 rows`,
      `${over}[########################] 100 % 20 rows`,
      over,
    ]);
    expect(lines).toEqual([]);
  });

  it('is a line for each tenth where there is no terminal', () => {
    const { host, lines } = hostWith(false);
    const progress = createProgress(host, { quiet: false });
    for (let row = 1; row <= 100; row += 1) progress.update(row / 100, `${row} rows`);
    progress.end();
    expect(lines).toHaveLength(10);
    expect(lines[0]).toBe(' 10 %  10 rows');
    expect(lines.at(-1)).toBe('100 %  100 rows');
  });

  it('is nothing for a program that reads the answer, and a text alone where nobody knows the whole', () => {
    const program = hostWith(false);
    createProgress(program.host, { quiet: true }).update(1, 'x');
    expect(program.lines).toEqual([]);
    const pipe = hostWith(false);
    createProgress(pipe.host, { quiet: false }).update(null, '100 rows');
    expect(pipe.lines).toEqual(['100 rows']);
  });
});
