import { join } from 'node:path';
import {
  type DestinationStream,
  type Logger,
  multistream,
  destination as openDestination,
  pino,
  stdSerializers,
} from 'pino';
import pretty from 'pino-pretty';
import type { Log } from './log.ts';
import { censored, redactedPaths, redactText } from './redaction.ts';

export interface LogsOptions {
  logLevel: string;
  /** Where the three operation logs are written as files too; null for none. */
  logDir: string | null;
  /** For people at a terminal, instead of a JSON object a line. */
  pretty?: boolean;
  /** Instead of standard output. */
  destination?: DestinationStream;
}

/** The server's logs. No license key or secret is readable in any of them. */
export interface Logs {
  app: Log;
  /** What was done, one line an operation, for those who look after money, licenses and subscriptions. */
  operations: { stripe: Log; license: Log; subscription: Log };
  /** Writes what is still held back and closes the files. */
  close(): void;
}

const operationFiles = {
  stripe: 'stripe-payment.log',
  license: 'license-manager.log',
  subscription: 'subscription-manager.log',
} as const;

/** A stream of ours, to be flushed and closed at the end. */
type Closable = ReturnType<typeof openDestination>;

export function createLogs({ logLevel, logDir, pretty: isPretty = false, destination }: LogsOptions): Logs {
  const opened: Closable[] = [];
  const open = (dest: string | number): Closable => {
    // Standard output may lag behind a busy server; the operation logs are few lines that must not be lost to a crash.
    const stream = openDestination({ dest, mkdir: true, append: true, sync: typeof dest === 'string' });
    opened.push(stream);
    return stream;
  };
  const main = destination ?? (isPretty ? pretty({ colorize: true, sync: true, ignore: 'pid,hostname' }) : open(1));
  const create = (name: string, stream: DestinationStream): Logger =>
    pino(
      {
        name,
        level: logLevel,
        redact: { paths: redactedPaths, censor: censored },
        serializers: { error: stdSerializers.err, err: stdSerializers.err },
        hooks: { streamWrite: redactText },
        formatters: { level: (label) => ({ level: label }) },
        timestamp: pino.stdTimeFunctions.isoTime,
      },
      stream,
    );
  const operation = (kind: keyof typeof operationFiles): Logger => {
    const file = operationFiles[kind];
    const name = file.replace('.log', '');
    if (logDir === null) return create(name, main);
    return create(
      name,
      multistream([
        { level: 'trace', stream: main },
        { level: 'trace', stream: open(join(logDir, file)) },
      ]),
    );
  };
  return {
    app: create('latchkey', main),
    operations: { stripe: operation('stripe'), license: operation('license'), subscription: operation('subscription') },
    close() {
      for (const stream of opened) {
        stream.flushSync();
        stream.end();
      }
    },
  };
}
