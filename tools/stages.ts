import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

/** One program to run, and what to call it in the summary. */
export interface Stage {
  name: string;
  /** Path from the repository's root to what Node runs. */
  file: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Shows its output while it runs; otherwise only when it fails. */
  live?: boolean;
}

export interface StageResult {
  name: string;
  passed: boolean;
  seconds: number;
  output: string;
}

const running = new Set<ChildProcess>();

/** Runs a stage to its end; never rejects, for a program that cannot start is a stage that failed. */
export function runStage(stage: Stage): Promise<StageResult> {
  const began = performance.now();
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', stage.file, ...(stage.args ?? [])], {
    cwd: root,
    env: { ...process.env, ...stage.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  const take = (chunk: string) => {
    output += chunk;
    if (stage.live) process.stdout.write(chunk);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  return new Promise((resolve) => {
    const end = (passed: boolean) => {
      running.delete(child);
      resolve({ name: stage.name, passed, seconds: (performance.now() - began) / 1000, output });
    };
    child.on('error', (error) => {
      take(`${error.message}\n`);
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** Runs stages `width` at a time, in order, and answers in that order. */
export async function runTogether(stages: readonly Stage[], width: number): Promise<StageResult[]> {
  const results: StageResult[] = [];
  const waiting = [...stages.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next[0]] = await runStage(next[1]);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/** Ends what is running, so that nothing is left behind when this process is told to end. */
export function stopStages(): void {
  for (const child of running) child.kill('SIGTERM');
}
