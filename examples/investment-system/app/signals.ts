/** What this example sells: signals that are made up, the same for everybody on the same day. */

import { createHash } from 'node:crypto';

export interface Signal {
  symbol: string;
  date: string;
  signal: 'buy' | 'hold' | 'sell';
  /** 0 to 1. */
  strength: number;
  price: number;
}

export const SYMBOLS: readonly string[] = ['AAPL', 'AMZN', 'GOOG', 'META', 'MSFT', 'NVDA', 'SAP', 'TSLA'];

const DAYS = 30;
const DAY_MS = 86_400_000;

/** Today's signal of every symbol. */
export function signalsOf(day: Date): Signal[] {
  return SYMBOLS.map((symbol) => signalOf(symbol, day));
}

/** A symbol's last thirty days, the newest first. */
export function history(symbol: string, until: Date): Signal[] {
  return Array.from({ length: DAYS }, (_, ago) => signalOf(symbol, new Date(until.getTime() - ago * DAY_MS)));
}

function signalOf(symbol: string, day: Date): Signal {
  const date = day.toISOString().slice(0, 10);
  const digest = createHash('sha256').update(`${symbol} ${date}`).digest();
  const signal = (['buy', 'hold', 'sell'] as const)[digest.readUInt8(0) % 3] ?? 'hold';
  const strength = Math.round((digest.readUInt16BE(1) / 0xffff) * 100) / 100;
  return { symbol, date, signal, strength, price: (5_000 + (digest.readUInt32BE(3) % 45_000)) / 100 };
}
