import { type ChildProcess, type Serializable, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What to run: a file of this repository under its own Node, with only the environment given here. */
export interface ProcessOptions {
  /** Path from the repository's root, such as `packages/server/src/main.ts`. */
  file: string;
  args?: readonly string[];
  /** Added to PATH, HOME, TMPDIR and the cache of Node's; nothing else of this process's environment is passed on. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
}

/** How a process ended. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running program of ours with its output kept. It never outlives the test process. */
export interface TestProcess {
  pid: number;
  /** Everything it has written so far, standard output and error in the order they arrived. */
  output(): string;
  /** The first line, past or future, that matches. Rejects with the output when the process ends or time is up first. */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal (default SIGTERM) and waits for the end; after `timeoutMs` it is killed and the wait rejects. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<Ending>;
  /** Ends it as a power cut would, and waits until it is gone. */
  kill(): Promise<Ending>;
  send(message: Serializable): void;
  exited: Promise<Ending>;
}

// With it and an IPC channel our programs notice when the test process is killed, and end.
const endWithParent = new URL('../../tools/end-with-parent.mjs', import.meta.url).href;

// A start spends most of its time on what Node makes of hundreds of files, which is the same at each.
const compiled = fileURLToPath(new URL('../../node_modules/.cache/latchkey/compiled', import.meta.url));

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program of this repository as its own process. */
export function startProcess(options: ProcessOptions): TestProcess {
  const child = spawn(
    fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url)),
    ['--disable-warning=ExperimentalWarning', '--import', endWithParent, options.file, ...(options.args ?? [])],
    {
      cwd: options.cwd ?? root,
      env: { ...inherited(), NODE_COMPILE_CACHE: compiled, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  running.add(child);
  const output = new Output();
  child.stdout?.setEncoding('utf8').on('data', (text: string) => output.add(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => output.add(text));
  // 'close' comes after the last output, 'exit' may come before it.
  const exited = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  exited
    .catch(() => {})
    .finally(() => {
      running.delete(child);
      output.end();
    });
  return {
    pid: child.pid ?? -1,
    output: () => output.text,
    waitForLine: (pattern, timeoutMs = 30_000) => output.waitForLine(pattern, timeoutMs),
    stop: (signal = 'SIGTERM', timeoutMs = 15_000) => stop(child, exited, output, signal, timeoutMs),
    kill: () => stop(child, exited, output, 'SIGKILL', 15_000),
    send: (message) => void child.send(message),
    exited,
  };
}

async function stop(
  child: ChildProcess,
  exited: Promise<Ending>,
  output: Output,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<Ending> {
  child.kill(signal);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`process ${child.pid} had not ended ${timeoutMs} ms after ${signal}. It wrote:\n${output.text}`),
      );
    }, timeoutMs);
  });
  try {
    return await Promise.race([exited, late]);
  } finally {
    clearTimeout(timer);
  }
}

function inherited(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** Lines as they come, and those who wait for one. */
class Output {
  text = '';
  private ended = false;
  private readonly waiting = new Set<() => void>();

  add(text: string): void {
    this.text += text;
    for (const look of this.waiting) look();
  }

  end(): void {
    this.ended = true;
    for (const look of this.waiting) look();
  }

  waitForLine(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        act();
      };
      const fail = (why: string) =>
        reject(new Error(`no line matched ${pattern}: ${why}. The process wrote:\n${this.text}`));
      const look = () => {
        // A line still being written may match only in part: wait for its end.
        const complete = this.ended ? this.text : this.text.slice(0, this.text.lastIndexOf('\n') + 1);
        const match = firstMatch(complete, pattern);
        if (match !== null) settle(() => resolve(match));
        else if (this.ended) settle(() => fail('it ended'));
      };
      const timer = setTimeout(() => settle(() => fail(`${timeoutMs} ms passed`)), timeoutMs);
      this.waiting.add(look);
      look();
    });
  }
}

function firstMatch(text: string, pattern: RegExp): RegExpExecArray | null {
  const single = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  for (const line of text.split('\n')) {
    const match = single.exec(line);
    if (match !== null) return match;
  }
  return null;
}
