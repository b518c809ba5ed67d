/** A figure that was measured several times. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}

/** `1,234 (1,200–1,300)`: the median, and between what it lay. */
export function show({ median, least, most }: Spread, digits = 0): string {
  const format = (value: number) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${format(median)} (${format(least)}–${format(most)})`;
}

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}
