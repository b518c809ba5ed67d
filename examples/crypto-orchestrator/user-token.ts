/**
 * What the vendor's own sign-in would give a user: a token that says who they are, good for a day. For trying the calls.
 *
 *   JWT_SECRET=… npx node examples/crypto-orchestrator/user-token.ts <user id> [address]
 */

import { createHmac } from 'node:crypto';

const [user, email = `${user}@example.com`] = process.argv.slice(2);
// While one secret replaces another it is "new,old": new tokens are signed by the first.
const secret = process.env.JWT_SECRET?.split(',', 1)[0];
if (user === undefined || secret === undefined || secret === '') {
  console.error('Usage: JWT_SECRET=… npx node examples/crypto-orchestrator/user-token.ts <user id> [address]');
  process.exit(2);
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const expires = Math.floor(Date.now() / 1_000) + 86_400;
const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: user, email, email_verified: true, exp: expires })}`;
const signature = createHmac('sha256', secret).update(signed).digest('base64url');
process.stdout.write(`${signed}.${signature}\n`);
