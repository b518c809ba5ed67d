/** Colours, where the terminal has them and nobody asked for none. */
export interface Style {
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  strong(text: string): string;
}

export function createStyle(color: boolean): Style {
  const paint = (start: number, end: number) => (text: string) =>
    color ? `\u001b[${start}m${text}\u001b[${end}m` : text;
  return { good: paint(32, 39), bad: paint(31, 39), dim: paint(2, 22), strong: paint(1, 22) };
}
