/**
 * What the vendor's own sign-in would give a user: a token that says who they are, good for a day. For trying the calls.
 *
 *   JWT_SECRET=… npx node examples/investment-system/user-token.ts <user id> [address]
 */

import { createHmac } from 'node:crypto';

const [user, email = `${user}@example.com`] = process.argv.slice(2);
const secret = process.env.JWT_SECRET;
if (user === undefined || secret === undefined || secret === '') {
  process.stderr.write('Usage: JWT_SECRET=… npx node examples/investment-system/user-token.ts <user id> [address]\n');
  process.exit(2);
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const expires = Math.floor(Date.now() / 1_000) + 86_400;
const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, email, email_verified: true, exp: expires })}`;
process.stdout.write(`${text}.${createHmac('sha256', secret).update(text).digest('base64url')}\n`);
