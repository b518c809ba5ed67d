/** What is wrong in a catalog: all of it at once, each with its place and what to write instead. */

/** A way to a field: `['plans', 1, 'price', 'amount']`. */
export type FieldPath = readonly (string | number)[];

export interface CatalogProblem {
  /** The file as it was named to the loader, relative where that was. */
  file: string;
  /** From 1; null when the file as a whole is meant. */
  line: number | null;
  column: number | null;
  /** `plans[1].price.amount`; empty when no field is meant. */
  path: string;
  message: string;
  remedy: string;
}

/** Thrown by the loader. `problems` has them all; `message` is made for a terminal, one line a problem. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError';
  readonly problems: readonly CatalogProblem[];

  constructor(problems: readonly CatalogProblem[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super([`The catalog has ${count}:`, ...problems.map(formatProblem)].join('\n'));
    this.problems = problems;
  }
}

/** `examples/x/catalog.yaml:14:7 plans[1].price.amount must be … (got 25.5). Write 2500 for 25.00.` */
export function formatProblem(problem: CatalogProblem): string {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}:${problem.column ?? 1}`;
  const subject = problem.path === '' ? '' : `${problem.path} `;
  return `${place} ${subject}${problem.message}. ${problem.remedy}`.trimEnd();
}

/** `plans[1].price.amount` for a path. */
export function formatPath(path: FieldPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

/** What a person sees of a value in a message: short, on one line, and never the whole of something long. */
export function quote(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group of fields';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The candidate that differs least from what was written, when it is near enough to be meant. */
export function nearest(written: string, candidates: readonly string[]): string | null {
  let best: { candidate: string; distance: number } | null = null;
  for (const candidate of candidates) {
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase());
    if (best === null || distance < best.distance) best = { candidate, distance };
  }
  return best !== null && best.distance <= Math.max(1, Math.floor(written.length / 3)) ? best.candidate : null;
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      const replaced = (previous[column - 1] ?? 0) + (same ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
