import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import type { Config } from '../../config/config.ts';
import { createAudit } from '../audit/index.ts';
import { createCustomerIdentity, createCustomerService } from '../customers/index.ts';
import { createTokenAuthentication } from './tokens.ts';

const SECRET = 'a secret that signs the tokens of customers';
const OLD_SECRET = 'the secret that signed them until last week';
const bytes = (text: string) => new TextEncoder().encode(text);

let test: TestDatabase;
let ports: TestPorts;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());
beforeEach(async () => {
  ports = createTestPorts();
  await test.database.connection.deleteFrom('audit_log').execute();
  await test.database.connection.deleteFrom('customers').execute();
});

const nowSeconds = () => ports.clock.wall().getTime() / 1_000;

function accept(tokens: Partial<Config['customerTokens']> = {}) {
  const { database } = test;
  const identity = createCustomerIdentity({ database, ...ports, audit: createAudit(ports) });
  return createTokenAuthentication({
    tokens: { secrets: [SECRET, OLD_SECRET], jwksUrl: null, issuer: null, audience: null, ...tokens },
    clock: ports.clock,
    log: ports.log,
    customerOf: (claims) => identity.ofToken(claims),
  });
}

const claims = (more: JWTPayload = {}): JWTPayload => ({ sub: 'user-1', exp: nowSeconds() + 600, ...more });
const signed = (payload: JWTPayload, secret = SECRET, alg = 'HS256') =>
  new SignJWT(payload).setProtectedHeader({ alg }).sign(bytes(secret));

const customers = () => createCustomerService({ database: test.database, ...ports, audit: createAudit(ports) });
const buyer = (email: string, more: { externalId?: string } = {}) =>
  test.database.transaction({ actor: { type: 'system', id: null } }, (tx) =>
    customers().ensure(tx, { email, ...more }),
  );
const rows = () => test.database.connection.selectFrom('customers').selectAll().orderBy('created_at').execute();

describe('a token under JWT_SECRET', () => {
  it('names a customer by the vendor’s id: made known once, and the same at every later call', async () => {
    const authenticate = accept();
    const first = await authenticate(await signed(claims({ name: 'Ada' })));
    expect(first).toMatchObject({ type: 'customer', scopes: [] });
    expect(await authenticate(await signed(claims()))).toEqual(first);
    expect(await rows()).toMatchObject([{ id: first?.id, external_id: 'user-1', name: 'Ada', email: null }]);
  });

  it('is one customer when a new one calls ten times in the same moment', async () => {
    const authenticate = accept();
    const token = await signed(claims());
    const all = await Promise.all(Array.from({ length: 10 }, () => authenticate(token)));
    expect(new Set(all.map((principal) => principal?.id)).size).toBe(1);
    expect(await rows()).toHaveLength(1);
  });

  it('may be signed by the secret that is being replaced', async () => {
    expect(await accept()(await signed(claims(), OLD_SECRET))).not.toBeNull();
    expect(await accept({ secrets: [SECRET] })(await signed(claims(), OLD_SECRET))).toBeNull();
  });

  it.each<[string, () => Promise<string> | string]>([
    ['signed by another secret', () => signed(claims(), 'somebody else’s secret, of a good length')],
    ['not signed at all (alg none)', () => new UnsecuredJWT(claims()).encode()],
    ['with an empty signature', async () => `${(await signed(claims())).split('.').slice(0, 2).join('.')}.`],
    ['of a sterner algorithm of the same family', () => signed(claims(), SECRET, 'HS512')],
    ['that has expired', () => signed(claims({ exp: nowSeconds() - 1 }))],
    ['that never ends', () => signed({ sub: 'user-1' })],
    ['that begins in two minutes', () => signed(claims({ nbf: nowSeconds() + 120 }))],
    ['issued in two minutes', () => signed(claims({ iat: nowSeconds() + 120 }))],
    ['of nobody', () => signed({ exp: nowSeconds() + 600 })],
    ['of an empty subject', () => signed(claims({ sub: '' }))],
    ['of a subject that is a number', () => signed({ ...claims(), sub: 7 as unknown as string })],
    ['of a subject that no database stores', () => signed(claims({ sub: 'a\0b' }))],
    ['that is no token', () => 'not.a.token'],
    ['of an absurd length', async () => `${await signed(claims({ filler: 'x'.repeat(10_000) }))}`],
    [
      'whose claims were changed afterwards',
      async () => {
        const [head, , signature] = (await signed(claims())).split('.');
        return `${head}.${Buffer.from(JSON.stringify(claims({ sub: 'user-2' }))).toString('base64url')}.${signature}`;
      },
    ],
  ])('is refused: one %s', async (_what, make) => {
    expect(await accept()(await make())).toBeNull();
    expect(await rows()).toEqual([]);
  });

  it('may come from a clock that is a minute ahead', async () => {
    const ahead = claims({ nbf: nowSeconds() + 50, iat: nowSeconds() + 50 });
    expect(await accept()(await signed(ahead))).not.toBeNull();
  });

  it('must be of the issuer and for the audience that are configured', async () => {
    const authenticate = accept({ issuer: 'https://shop.example', audience: 'latchkey' });
    const fitting = { iss: 'https://shop.example', aud: ['latchkey', 'other'] };
    expect(await authenticate(await signed(claims(fitting)))).not.toBeNull();
    expect(await authenticate(await signed(claims({ ...fitting, iss: 'https://else.example' })))).toBeNull();
    expect(await authenticate(await signed(claims({ ...fitting, aud: 'other' })))).toBeNull();
    expect(await authenticate(await signed(claims()))).toBeNull();
  });

  it('means nothing where no secret is set', async () => {
    expect(await accept({ secrets: [] })(await signed(claims(), ''.padEnd(32, 'x')))).toBeNull();
  });
});

describe('an address in a token', () => {
  const email = 'Ada@Example.com';
  const call = async (more: JWTPayload) => accept()(await signed(claims(more)));

  it('that nobody verified links to nothing, and is not kept when somebody has it', async () => {
    const bought = await buyer('ada@example.com');
    const principal = await call({ email });
    expect(principal?.owns).toEqual([principal?.id]);
    expect(principal?.id).not.toBe(bought.id);
    expect(await rows()).toMatchObject([
      { id: bought.id, external_id: null },
      { external_id: 'user-1', email: null },
    ]);
  });

  it.each([[false], ['true'], [1], [undefined]])('is not verified by email_verified: %j', async (email_verified) => {
    const bought = await buyer('ada@example.com');
    expect((await call({ email, email_verified }))?.owns).not.toContain(bought.id);
  });

  it('that nobody verified and nobody has is shown, but gets nothing that is given to that address later', async () => {
    const principal = await call({ email });
    expect(await rows()).toMatchObject([{ email, email_claimed: true }]);
    const later = await buyer('ada@example.com');
    expect(later.id).not.toBe(principal?.id);
    expect((await call({ email }))?.owns).not.toContain(later.id);
  });

  it('that is verified makes what was bought with it theirs', async () => {
    const bought = await buyer('ada@example.com');
    expect(await call({ email, email_verified: true })).toMatchObject({ id: bought.id, owns: [bought.id] });
    expect(await rows()).toMatchObject([{ id: bought.id, external_id: 'user-1' }]);
  });

  it('that is verified brings all purchases together, also those of before and after the first call', async () => {
    const known = await call({ email });
    const first = await buyer('ada@example.com');
    const { id, ...row } = first;
    await test.database.connection
      .insertInto('customers')
      .values({ ...row, id: 'cust_second', metadata: '{}', stripe_customer_id: 'cus_second' })
      .execute();
    const now = await call({ email, email_verified: true });
    expect(now?.id).toBe(known?.id);
    expect(now?.owns).toEqual([known?.id, id, 'cust_second'].filter(Boolean));
    expect((await rows()).find((one) => one.id === known?.id)).toMatchObject({ email, email_claimed: false });
  });

  it('that only looks like another in lower case is not that one', async () => {
    const bought = await buyer('kate@example.com');
    const kelvin = '\u212aate@example.com';
    expect(kelvin.toLowerCase()).toBe('kate@example.com');
    expect((await call({ email: kelvin, email_verified: true }))?.owns).not.toContain(bought.id);
  });

  it('leaves a customer alone whom the vendor knows by another id', async () => {
    const other = await buyer('ada@example.com', { externalId: 'user-9' });
    const principal = await call({ email, email_verified: true });
    expect(principal?.owns).not.toContain(other.id);
    expect((await rows()).find((one) => one.id === other.id)).toMatchObject({ external_id: 'user-9' });
  });

  it('is given to one of two who prove it in the same moment', async () => {
    const bought = await buyer('ada@example.com');
    const authenticate = accept();
    const tokens = await Promise.all(
      ['user-1', 'user-2'].map((sub) => signed(claims({ sub, email, email_verified: true }))),
    );
    const both = await Promise.all(tokens.map((token) => authenticate(token)));
    expect(both.filter((principal) => principal?.id === bought.id)).toHaveLength(1);
    expect(await rows()).toHaveLength(2);
  });
});

/** A set of keys at an address, as an identity provider serves it. */
describe('a token by a key of JWT_JWKS_URL', () => {
  let server: Server;
  let served: { status: number; body: string };
  let asked: number;
  let url: string;

  beforeEach(async () => {
    asked = 0;
    served = { status: 200, body: '{"keys":[]}' };
    server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(served.status, { 'content-type': 'application/json' }).end(served.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  async function makeKey(alg: string, kid?: string) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk: JWK = { ...(await exportJWK(publicKey)), alg, use: 'sig', ...(kid === undefined ? {} : { kid }) };
    const sign = (payload: JWTPayload) =>
      new SignJWT(payload).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(privateKey);
    return { jwk, sign };
  }
  const serve = (...keys: JWK[]) => {
    served = { status: 200, body: JSON.stringify({ keys }) };
  };
  const withSet = () => accept({ secrets: [], jwksUrl: url });

  it.each(['RS256', 'ES256', 'EdDSA'])('is accepted, signed with %s', async (alg) => {
    const { jwk, sign } = await makeKey(alg, 'k1');
    serve(jwk);
    expect(await withSet()(await sign(claims()))).toMatchObject({ type: 'customer' });
  });

  it('asks for the keys once, and again when they are ten minutes old', async () => {
    const { jwk, sign } = await makeKey('ES256', 'k1');
    serve(jwk);
    const authenticate = withSet();
    await Promise.all(Array.from({ length: 5 }, async () => authenticate(await sign(claims()))));
    expect(asked).toBe(1);
    ports.clock.pass(11 * 60_000);
    expect(await authenticate(await sign(claims()))).not.toBeNull();
    expect(asked).toBe(2);
  });

  it('follows a rotation at once, and refuses the key that was withdrawn once its set is old', async () => {
    const [old, fresh] = [await makeKey('ES256', 'k1'), await makeKey('ES256', 'k2')];
    serve(old.jwk);
    const authenticate = withSet();
    expect(await authenticate(await old.sign(claims()))).not.toBeNull();
    serve(fresh.jwk);
    expect(await authenticate(await fresh.sign(claims()))).not.toBeNull();
    expect(await authenticate(await old.sign(claims()))).toBeNull();
  });

  it('finds the right one of several keys without names', async () => {
    const [one, two] = [await makeKey('ES256'), await makeKey('ES256')];
    serve(one.jwk, two.jwk);
    expect(await withSet()(await two.sign(claims()))).not.toBeNull();
    expect(await withSet()(await (await makeKey('ES256')).sign(claims()))).toBeNull();
  });

  it('cannot be made to ask without end by keys that nobody has', async () => {
    serve((await makeKey('ES256', 'k1')).jwk);
    const authenticate = withSet();
    const unknown = await makeKey('ES256', 'unknown');
    for (let count = 0; count < 50; count += 1) expect(await authenticate(await unknown.sign(claims()))).toBeNull();
    expect(asked).toBeLessThanOrEqual(7);
  });

  it('is not accepted when it is signed with the public key as if that were a secret', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    serve({ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' });
    expect(await withSet()(await signed(claims(), pem))).toBeNull();
    expect(await accept({ jwksUrl: url })(await signed(claims(), pem))).toBeNull();
    expect(asked).toBe(0);
  });

  it('is not accepted by a secret in the set, nor by a key that the token brings', async () => {
    const k = Buffer.from(SECRET).toString('base64url');
    serve({ kty: 'oct', k, alg: 'HS256', kid: 'k1' });
    expect(await withSet()(await signed(claims()))).toBeNull();
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const brought = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'ES256', jwk: await exportJWK(publicKey), jku: url })
      .sign(privateKey);
    expect(await withSet()(brought)).toBeNull();
  });

  it.each([
    ['answers an error', { status: 500, body: 'down' }],
    ['leads elsewhere', { status: 302, body: '' }],
    ['answers something else', { status: 200, body: '<html>' }],
    ['answers without end', { status: 200, body: `{"keys":[],"x":"${'x'.repeat(300_000)}"}` }],
  ])('cannot be judged when the address %s: that is our trouble, not the caller’s', async (_what, broken) => {
    const { sign } = await makeKey('ES256', 'k1');
    served = broken;
    await expect(withSet()(await sign(claims()))).rejects.toMatchObject({ code: 'unavailable', status: 503 });
  });

  it('goes on for an hour by the keys it has when nobody answers, and does not ask for each token', async () => {
    const { jwk, sign } = await makeKey('ES256', 'k1');
    serve(jwk);
    const authenticate = withSet();
    await authenticate(await sign(claims()));
    served = { status: 503, body: '' };
    ports.clock.pass(20 * 60_000);
    asked = 0;
    for (let count = 0; count < 5; count += 1) expect(await authenticate(await sign(claims()))).not.toBeNull();
    expect(asked).toBe(1);
    ports.clock.pass(60 * 60_000);
    await expect(authenticate(await sign(claims()))).rejects.toMatchObject({ code: 'unavailable' });
  });
});
