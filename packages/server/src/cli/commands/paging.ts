import type { Command } from 'commander';

export interface PageOptions {
  limit?: string;
  after?: string;
}

/** Adds what every list takes. */
export function addPageOptions(command: Command): Command {
  return command
    .option('--limit <count>', 'how many, 1 to 100')
    .option('--after <cursor>', 'go on where the page before ended');
}
