/** One row of a file, and the physical line where it begins. */
export interface FileRecord<Value> {
  line: number;
  value: Value;
}

/** What stands at that line is no row, and why. */
export interface FileFault {
  line: number;
  fault: string;
}

/** Longer rows are a file that is broken: a quote or a bracket that is never closed. */
export const LONGEST_RECORD = 256 * 1_024;

/** How many line ends a text has; CRLF is one. */
export function countLines(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
