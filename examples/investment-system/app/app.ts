/** An API that sells its calls: four routes behind the SDK's metering, and nothing of Latchkey in the handlers. */

import {
  byBearer,
  byLicenseKey,
  createClient,
  createMetering,
  createUsageRecorder,
  type Identify,
  isOutage,
} from '@latchkey/sdk';
import { meterRoutes } from '@latchkey/sdk/fastify';
import { createFileSpool } from '@latchkey/sdk/node';
import { type FastifyInstance, fastify } from 'fastify';
import { toCsv } from './csv.ts';
import { createCustomers } from './customers.ts';
import { toPdf } from './pdf.ts';
import { history, type Signal, SYMBOLS, signalsOf } from './signals.ts';

/** What each route costs, as the catalog says (`endpoint_costs`). */
export const COSTS = {
  'GET /signals': 1,
  'GET /signals/history/:symbol': 2,
  'GET /export/csv': 3,
  'GET /export/pdf': 5,
};

export interface ApiOptions {
  /** Where Latchkey answers, and an API key with the scope `usage:write`. Without one, callers need a licence key. */
  latchkey: { url: string; token?: string | undefined };
  /** Where use waits while Latchkey is away. */
  spoolDirectory: string;
  today?: () => Date;
  onProblem?: (error: unknown) => void;
}

export interface Api {
  app: FastifyInstance;
  /** Use that Latchkey has not got yet. */
  readonly waiting: number;
  /** Sends it now; answers whether nothing waits any more. */
  flush(): Promise<boolean>;
  close(): Promise<void>;
}

export async function createApi({ latchkey, spoolDirectory, today, onProblem }: ApiOptions): Promise<Api> {
  const client = createClient(latchkey);
  const recorder = createUsageRecorder({ client, spool: await createFileSpool({ directory: spoolDirectory }) });
  const metering = createMetering({
    client,
    recorder,
    meter: 'calls',
    product: 'investment-system',
    costs: COSTS,
    identify: identifyBy(latchkey),
    anonymous: 'refuse',
    // Customers who paid are served while Latchkey is away; what they use is counted when it is back.
    whenUnreachable: 'open',
    // Slow is not away: a limit that holds is worth waiting for.
    checkTimeoutMs: 20_000,
    ...(onProblem === undefined ? {} : { onProblem }),
    present: ({ status, code, detail, more }) => ({ status, body: { ...more, error: detail, code } }),
  });
  const app = fastify({ forceCloseConnections: true });
  meterRoutes(app, metering);
  signalRoutes(app, today ?? (() => new Date()));
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'There is nothing here.', code: 'not_found' }),
  );
  app.setErrorHandler((error, _request, reply) => {
    onProblem?.(error);
    if (isOutage(error)) {
      return reply.code(503).header('retry-after', '2').send({ error: 'Try again shortly.', code: 'unavailable' });
    }
    return reply.code(500).send({ error: 'Something broke here.', code: 'internal' });
  });
  return {
    app,
    get waiting() {
      return recorder.waiting;
    },
    flush: () => recorder.flush(),
    async close() {
      await app.close();
      await metering.close();
      await recorder.close();
    },
  };
}

/** By licence key, or by the token with which a customer also calls `/billing`. */
function identifyBy({ url, token }: ApiOptions['latchkey']): Identify {
  if (token === undefined) return byLicenseKey;
  const byToken = byBearer(createCustomers({ url }));
  return async (request) => (await byLicenseKey(request)) ?? byToken(request);
}

const COLUMNS = ['symbol', 'date', 'signal', 'strength', 'price'] as const;

function signalRoutes(app: FastifyInstance, today: () => Date): void {
  app.get('/signals', () => ({ signals: signalsOf(today()) }));
  app.get<{ Params: { symbol: string } }>('/signals/history/:symbol', (request, reply) => {
    const symbol = request.params.symbol.toUpperCase();
    // What is not answered is not charged.
    if (!SYMBOLS.includes(symbol)) {
      return reply.code(404).send({ error: `There is no symbol ${symbol}.`, code: 'not_found' });
    }
    return { symbol, history: history(symbol, today()) };
  });
  app.get('/export/csv', (_request, reply) =>
    reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="signals.csv"')
      .send(toCsv(COLUMNS, rowsOf(signalsOf(today())))),
  );
  app.get('/export/pdf', (_request, reply) => {
    const date = today().toISOString().slice(0, 10);
    return reply
      .type('application/pdf')
      .header('content-disposition', 'attachment; filename="signals.pdf"')
      .send(toPdf(`Signals of ${date}`, [COLUMNS, ...rowsOf(signalsOf(today()))]));
  });
}

function rowsOf(signals: readonly Signal[]): string[][] {
  return signals.map((signal) => COLUMNS.map((column) => String(signal[column])));
}
