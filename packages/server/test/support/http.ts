import type { OpenedDatabase } from '../../src/db/engine.ts';
import type { Authenticate } from '../../src/http/authentication.ts';
import { createHttp, type HttpOptions } from '../../src/http/server.ts';
import type { Http } from '../../src/http/types.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestPorts, type TestPorts } from './ports.ts';

export const testAdminToken = 'lka_the_admin_token_of_the_tests';

export const asAdmin = { authorization: `Bearer ${testAdminToken}` };

export interface TestHttpOptions extends Partial<Omit<HttpOptions, 'database'>> {
  database: OpenedDatabase;
  ports?: TestPorts;
  authenticators?: readonly Authenticate[];
}

/** The HTTP side over a test's database and ports, without routes. Whoever made it closes it. */
export function createTestHttp({ database, ports = createTestPorts(), ...rest }: TestHttpOptions): Promise<Http> {
  return createHttp({
    mode: 'sandbox',
    allowedOrigins: [],
    trustProxy: false,
    publicUrl: () => 'http://latchkey.test',
    version: '0.0.0-test',
    adminToken: testAdminToken,
    authenticators: [],
    metrics: createMetrics(),
    database,
    ...ports,
    ...rest,
  });
}
