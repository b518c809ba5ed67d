import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogs } from './logs.ts';
import { redactText } from './redaction.ts';

const key = Array.from({ length: 16 }, (_, index) => `${index.toString(16)}123456789abcdef`).join('-');

function collect(logLevel = 'info') {
  const lines: string[] = [];
  const logs = createLogs({ logLevel, logDir: null, destination: { write: (line) => void lines.push(line) } });
  return { logs, lines };
}

describe('a log', () => {
  it.each([
    ['a field', { key }],
    ['a field below another', { license: { key } }],
    ['a field two below', { body: { license: { license_key: key } } }],
    ['a header', { headers: { authorization: 'Bearer abcdefghijkl', 'x-license-key': key } }],
    ['other text', { detail: `no license ${key}.` }],
    ['an error', { error: new Error(`bad key ${key}`) }],
    ['a Stripe key', { detail: 'sk_live_abcdefghijklmnop' }],
    ['a webhook secret', { detail: 'whsec_abcdefghijklmnop' }],
    ['an API key', { detail: 'lk_abcdefghijklmnopqrst' }],
    ['an address', { detail: 'postgres://latchkey:hunter2secret@db:5432/latchkey' }],
  ])('does not show a secret in %s', (_, fields) => {
    const { logs, lines } = collect();
    logs.app.info(fields, `and in the message ${key}`);
    const line = lines.join('');
    for (const secret of [key, key.slice(0, 40), 'abcdefghijkl', 'hunter2secret']) expect(line).not.toContain(secret);
    expect(line).toContain('[redacted]');
  });

  it('keeps what is not a secret: ids, codes, addresses, times', () => {
    const text =
      'lic_01hq2m5x8k sub_1QAbCdEf cs_test_a1b2 https://licenses.example.com/docs 2026-11-21T04:15:00.000Z machine_mismatch';
    expect(redactText(text)).toBe(text);
    const uuid = '0e984c26-78e0-4af7-a34b-740307a11b5f';
    expect(redactText(uuid)).toBe(uuid);
  });

  it.each(['AB-1A2B3C4D-5E6F7A8B-9C0D1E2F', 'XY-PRO-A1B2C3D4E5F6-1767225600'])(
    'does not show a key such as %s',
    (text) => {
      expect(redactText(`key ${text} is unknown`)).toBe('key [redacted] is unknown');
    },
  );

  it('is silent below its level', () => {
    const { logs, lines } = collect('warn');
    logs.app.info({}, 'nothing');
    logs.app.warn({}, 'something');
    expect(lines).toHaveLength(1);
  });
});

it('the three operation logs are files of their own, and in the main log too', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-logs-'));
  const lines: string[] = [];
  const logDir = join(folder, 'logs');
  const logs = createLogs({ logLevel: 'info', logDir, destination: { write: (line) => void lines.push(line) } });
  logs.operations.license.info({ license: 'lic_1', key }, 'license issued');
  logs.operations.stripe.info({}, 'checkout opened');
  logs.operations.subscription.info({}, 'subscription renewed');
  logs.close();
  expect(readdirSync(logDir).sort()).toEqual(['license-manager.log', 'stripe-payment.log', 'subscription-manager.log']);
  const text = readFileSync(join(logDir, 'license-manager.log'), 'utf8');
  expect(JSON.parse(text)).toMatchObject({ msg: 'license issued', license: 'lic_1', key: '[redacted]', level: 'info' });
  expect(lines).toHaveLength(3);
  rmSync(folder, { recursive: true });
});
