import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Cryptography } from '@latchkey/core';

/** Core's cryptography by node:crypto. */
export const nodeCryptography: Cryptography = {
  sha512: (data) => createHash('sha512').update(data).digest(),
  hmacSha512: (secret, data) => createHmac('sha512', secret).update(data).digest(),
  hmacSha256: (secret, data) => createHmac('sha256', secret).update(data).digest(),
  equal: (left, right) => left.length === right.length && timingSafeEqual(left, right),
  utf8: (text) => Buffer.from(text, 'utf8'),
};
