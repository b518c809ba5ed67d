/** Where the command line runs: the process, or a test. Nothing below `main.ts` reaches for the process itself. */
export interface Host {
  environment: Readonly<Record<string, string | undefined>>;
  directory: string;
  /** Whether standard output may be coloured. */
  color: boolean;
  out(text: string): void;
  err(text: string): void;
  /** Writes to a terminal as it is, for what is drawn over again; left out where standard error is none. */
  terminal?: (text: string) => void;
  /** All of standard input, for an argument of `-`. */
  readInput(): Promise<string>;
  /** Where a command that only starts something leaves the process to it. */
  startServer(): Promise<void>;
  /** Has work done before an interrupt ends the process; gives back what takes the request back. */
  onInterrupt(work: () => Promise<void>): () => void;
}

/** How a command ended: done, said no, or misused. */
export const EXIT = { done: 0, no: 1, misused: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command cannot be carried out as it was written; nothing was asked of the server. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
