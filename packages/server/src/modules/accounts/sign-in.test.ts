import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import { createSystemIds } from '../../security/system-ports.ts';
import { createVault } from '../../security/vault.ts';
import { createAudit } from '../audit/index.ts';
import { createCustomerIdentity } from '../customers/index.ts';
import type { AccountLetter } from './letters.ts';
import { createAccounts } from './service.ts';

const [OLD, FRESH] = ['the root secret of last year, long enough', 'the root secret of this year, long enough'];
const PUBLIC_URL = 'https://licenses.example.com';
const email = 'ada@example.com';
const password = 'correct horse battery';

let test: TestDatabase;
const ports = createTestPorts({ startAt: new Date() });
const ids = createSystemIds();
const letters: AccountLetter[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

/** The accounts as a process has them that was started with these root secrets. */
function accountsUnder(rootSecrets: string | string[], { database } = test) {
  const world = { ...ports, ids, database, audit: createAudit({ ...ports, ids }) };
  return createAccounts({
    ...world,
    vault: createVault([rootSecrets].flat(), ports.randomness),
    allowedOrigins: [],
    publicUrl: () => PUBLIC_URL,
    notify: async (_transaction, letter) => void letters.push(letter),
    customers: createCustomerIdentity(world),
  });
}

type AccountsUnderTest = ReturnType<typeof accountsUnder>;

const ask = (accounts: AccountsUnderTest, path: string, body: unknown) =>
  accounts.handle(
    new Request(`${PUBLIC_URL}/auth${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );

async function signIn(accounts: AccountsUnderTest) {
  const response = await ask(accounts, '/sign-in/email', { email, password });
  const { token } = (await response.json()) as { token: string };
  return {
    token,
    cookie: response.headers.getSetCookie()[0] ?? '',
    signed: response.headers.get('set-auth-token') ?? '',
  };
}

describe('behind https, and while the root secret is replaced', () => {
  it('the link of a letter decided under the old secret can be written under the new, and verifies', async () => {
    const old = accountsUnder(OLD);
    await ask(old, '/sign-up/email', { email, password, name: 'Ada' });
    await old.settled();
    const [letter] = letters;
    if (letter === undefined) throw new Error('No letter was decided.');
    expect(letter).toMatchObject({ template: 'verify-email', to: email });
    const link = accountsUnder([FRESH, OLD]).openLink(letter.link);
    expect(link.startsWith(`${PUBLIC_URL}/auth/verify-email?token=`)).toBe(true);
    expect(() => accountsUnder(FRESH).openLink(letter.link)).toThrow();
    expect((await old.handle(new Request(link))).headers.get('location')).toBe(`${PUBLIC_URL}/account`);
  });

  it('a cookie is for this site, over https, and for no script', async () => {
    const { cookie } = await signIn(accountsUnder(OLD));
    expect(cookie).toMatch(/^__Secure-latchkey\.session_token=/);
    for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax']) expect(cookie).toContain(attribute);
    expect(cookie).not.toContain('Domain');
  });

  it('a session made under the old secret goes on, in either form of its token, and can be ended', async () => {
    const { token, signed } = await signIn(accountsUnder(OLD));
    const rotated = accountsUnder([FRESH, OLD]);
    const principal = await rotated.authenticate(token);
    expect(principal).toMatchObject({ type: 'customer' });
    expect(await rotated.authenticate(signed)).toEqual(principal);
    expect(await accountsUnder(FRESH).authenticate(token)).toBeNull();
    const signOut = new Request(`${PUBLIC_URL}/auth/sign-out`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: '{}',
    });
    expect((await rotated.handle(signOut)).status).toBe(200);
    expect(await accountsUnder(OLD).authenticate(token)).toBeNull();
  });

  it('a failure of ours is told in words alone, without the rows it was about', async () => {
    const accounts = accountsUnder(OLD);
    // PostgreSQL stores no NUL, and says so with the row at hand.
    await ask(accounts, '/sign-up/email', { email: 'nul@example.com', password, name: 'a\0b' });
    expect(ports.log.lines).toContainEqual(expect.objectContaining({ message: 'Failed to create user' }));
    expect(JSON.stringify(ports.log.lines)).not.toContain('nul@example.com');
    const gone = await createTestDatabase();
    const cut = accountsUnder(OLD, gone);
    await gone.close();
    const failure = await ask(cut, '/sign-in/email', { email, password }).catch((error: Error) => error.message);
    expect(failure).toMatch(/^An account’s request failed: /);
    expect(failure).not.toContain(email);
  });
});
