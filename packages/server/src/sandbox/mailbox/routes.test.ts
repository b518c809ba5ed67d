import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../../test/support/http.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import type { Http } from '../../http/index.ts';
import { registerMailboxRoutes } from './routes.ts';
import { createSandboxMailbox } from './store.ts';

const ports = createTestPorts();
const mailbox = createSandboxMailbox(ports);
let test: TestDatabase;
let http: Http;

beforeAll(async () => {
  test = await createTestDatabase();
  http = await createTestHttp({ database: test.database, ports });
  registerMailboxRoutes(http, { mailbox, database: test.database });
  for (const [index, to] of ['ann@example.com', 'bob@example.com', 'Ann@example.com'].entries()) {
    ports.clock.advance(1000);
    await test.database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) =>
      mailbox.store(transaction, {
        id: `out_${index}`,
        to,
        from: 'shop@example.com',
        replyTo: null,
        subject: `Letter ${index}`,
        text: 'text',
        html: '<p>html</p>',
        keys: [],
      }),
    );
  }
});

afterAll(async () => {
  await http.close();
  await test.close();
});

const get = (url: string, headers: Record<string, string> = asAdmin) => http.inject({ url, headers });

describe('GET /sandbox/mail', () => {
  it('200: newest first, with what each letter says', async () => {
    const answer = await get('/sandbox/mail');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject([{ subject: 'Letter 2' }, { subject: 'Letter 1' }, { subject: 'Letter 0' }]);
    expect(answer.json()[0]).toEqual({
      id: expect.stringMatching(/^mail_/),
      to: 'ann@example.com',
      subject: 'Letter 2',
      text: 'text',
      html: '<p>html</p>',
      at: '2026-01-01T00:00:03.000Z',
    });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('200: those to one address', async () => {
    const subjects = (await get('/sandbox/mail?to=ANN@example.com'))
      .json()
      .map((letter: { subject: string }) => letter.subject);
    expect(subjects).toEqual(['Letter 2', 'Letter 0']);
    expect((await get('/sandbox/mail?to=eve@example.com')).json()).toEqual([]);
  });

  it('401: without the admin token, or with another', async () => {
    expect((await get('/sandbox/mail', {})).statusCode).toBe(401);
    expect((await get('/sandbox/mail', { authorization: 'Bearer lka_wrong' })).statusCode).toBe(401);
  });
});

describe('GET /sandbox/mailbox', () => {
  it.each([
    ['/sandbox/mailbox', 'text/html; charset=utf-8'],
    ['/sandbox/mailbox.js', 'text/javascript; charset=utf-8'],
    ['/sandbox/mailbox.css', 'text/css; charset=utf-8'],
  ])('200: %s, which holds no letter itself', async (url, type) => {
    const answer = await get(url, {});
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, type]);
    expect(answer.body).not.toMatch(/Letter \d/);
  });

  it('runs its own script and nothing else', async () => {
    const policy = String((await get('/sandbox/mailbox', {})).headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect((await get('/sandbox/mailbox', {})).body).not.toMatch(
      /<script(?! src="\/sandbox\/mailbox\.js")|\son\w+=|https?:/,
    );
  });
});
