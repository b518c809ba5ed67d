import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestHttp } from '../../test/support/http.ts';
import { html } from './html.ts';
import { markdownToHtml } from './markdown.ts';
import { page } from './page.ts';
import { decodeCursor, encodeCursor, toPage } from './paging.ts';
import { registerRawBodyRoute } from './raw-body.ts';
import { closeHttp } from './shutdown.ts';
import type { Http } from './types.ts';

let test: TestDatabase;
let http: Http;
beforeAll(async () => {
  test = await createTestDatabase();
  http = await createTestHttp({ database: test.database });
  http.get('/page', { config: { access: 'anyone' } }, async (_request, reply) =>
    page(reply, {
      title: 'Thanks, <you>',
      body: html`<h1>${'<script>alert(1)</script>'}</h1>`,
      style: 'h1{color:green}',
      script: 'document.title',
      formOrigins: ['https://checkout.stripe.com'],
    }),
  );
  registerRawBodyRoute(http, {
    url: '/webhook',
    config: { access: 'anyone', rateLimit: false },
    handler: async (_request, reply, body) =>
      reply.send({ bytes: body.length, sha: createHash('sha256').update(body).digest('hex') }),
  });
  await http.ready();
});
afterAll(async () => {
  await http.close();
  await test.close();
});

describe('a page', () => {
  it('runs and shows what it brings itself, and nothing else', async () => {
    const { headers, body } = await http.inject('/page');
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src ${hash('h1{color:green}')}`);
    expect(policy).toContain(`script-src ${hash('document.title')}`);
    expect(policy).toContain("form-action 'self' https://checkout.stripe.com");
    expect(policy).not.toContain('unsafe');
    expect(body).toContain('<style>h1{color:green}</style>');
    expect(body).toContain('<title>Thanks, &lt;you&gt;</title>');
    expect(body).not.toContain('<script>alert');
  });
});

describe('a template', () => {
  it('escapes what is put into it, in text and in attributes, but not other templates', () => {
    const list = ['a & b', '"c"'].map((item) => html`<li title="${item}">${item}</li>`);
    expect(html`<ul>${list}${null}${false}${undefined}${0}</ul>`.text).toBe(
      '<ul><li title="a &amp; b">a &amp; b</li><li title="&quot;c&quot;">&quot;c&quot;</li>0</ul>',
    );
  });

  it('of Markdown makes headings, lists, code and links, and lets no HTML through', () => {
    const text =
      '# Title\n\nSome `code <b>` and **bold**, <i>not</i>\nover [a page](/docs).\n\n- one\n  more\n- two\n\n```sh\na\n\nb\n```';
    expect(markdownToHtml(text).text).toBe(
      '<h1>Title</h1>\n<p>Some <code>code &lt;b&gt;</code> and <strong>bold</strong>, &lt;i&gt;not&lt;/i&gt; over <a href="/docs">a page</a>.</p>\n' +
        '<ul><li>one more</li><li>two</li></ul>\n<pre>a\n\nb</pre>',
    );
    expect(markdownToHtml('[x](javascript:alert(1))').text).not.toContain('<a');
  });
});

describe('a raw-body route', () => {
  const post = (payload: Buffer, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    http.inject({ method: 'POST', url: '/webhook', payload, headers });

  it('hands over the very bytes, whatever they are and claim to be', async () => {
    const bytes = Buffer.from([0x7b, 0x0a, 0xff, 0x00, 0x20]);
    const sha = createHash('sha256').update(bytes).digest('hex');
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'odd/type']) {
      expect((await post(bytes, { 'content-type': type })).json()).toEqual({ bytes: 5, sha });
    }
    expect((await post(Buffer.alloc(0))).json().bytes).toBe(0);
  });

  it('takes 512 KiB and no more', async () => {
    expect((await post(Buffer.alloc(512 * 1_024, 97))).statusCode).toBe(200);
    expect((await post(Buffer.alloc(512 * 1_024 + 1, 97))).json().code).toBe('body_too_large');
    expect((await post(Buffer.alloc(2 * 1_024 * 1_024, 97))).statusCode).toBe(413);
  });
});

describe('a list', () => {
  const rows = Array.from({ length: 5 }, (_, index) => ({ id: `lic_${index}`, at: new Date(1_000 * index) }));
  it('goes on exactly where the page before ended', () => {
    const first = toPage(
      rows.slice(0, 3),
      2,
      (row) => row,
      (row) => row.id,
    );
    expect(first).toMatchObject({ data: ['lic_0', 'lic_1'], has_more: true });
    expect(decodeCursor(first.next ?? '')).toEqual(rows[1]);
    expect(
      toPage(
        rows.slice(3),
        2,
        (row) => row,
        (row) => row.id,
      ),
    ).toEqual({
      data: ['lic_3', 'lic_4'],
      has_more: false,
      next: null,
    });
  });

  it.each([
    '',
    'x',
    encodeCursor({ at: new Date(0), id: "a' or 1=1" }),
    Buffer.from('never lic_1').toString('base64url'),
  ])('refuses the cursor %j', (cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(expect.objectContaining({ code: 'invalid_request', path: 'after' }));
  });
});

describe('shutting down', () => {
  async function slowServer() {
    const slow = await createTestHttp({ database: test.database });
    let finish = () => {};
    let entered = () => {};
    const inHandler = new Promise<void>((resolve) => {
      entered = resolve;
    });
    slow.get('/slow', { config: { access: 'anyone' } }, async () => {
      entered();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return { finished: true };
    });
    const address = await slow.listen({ port: 0, host: '127.0.0.1' });
    return { slow, address, inHandler, finish: () => finish() };
  }

  it('lets the requests in flight finish and accepts no more', async () => {
    const { slow, address, inHandler, finish } = await slowServer();
    const answer = fetch(`${address}/slow`);
    await inHandler;
    const closed = closeHttp(slow, 10_000);
    await expect(fetch(`${address}/slow`)).rejects.toThrow();
    finish();
    expect(await (await answer).json()).toEqual({ finished: true });
    expect(await closed).toBe(true);
  });

  it('does not wait for ever', async () => {
    const { slow, address, inHandler } = await slowServer();
    const answer = fetch(`${address}/slow`).catch(() => 'cut off');
    await inHandler;
    expect(await closeHttp(slow, 20)).toBe(false);
    expect(await answer).toBe('cut off');
  });
});
