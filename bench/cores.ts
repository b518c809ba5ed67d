import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What is measured runs here, alone. */
export const SERVER_CORE = 0;
/** Who asks, and the database, run here. */
export const CLIENT_CORE = 1;

/** Keeps a process, with all threads it has and all children it will have, on one core. */
export function pin(pid: number, core: number): void {
  const { status, stderr } = spawnSync('taskset', ['-acp', String(core), String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset could not keep process ${pid} on core ${core}: ${stderr}`);
}

const TICKS_PER_SECOND = 100;

/** Processor time a process has used so far, in seconds: what others do on the machine is not in it. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces; behind it, user and system time are the twelfth and thirteenth fields.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
