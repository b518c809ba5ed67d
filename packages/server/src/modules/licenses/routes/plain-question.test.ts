import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { validateBody } from '../schemas.ts';
import { plainQuestion } from './plain-question.ts';

const text = fc.oneof(
  fc.constantFrom('', ' ', 'a', ' a', 'x'.repeat(100), 'x'.repeat(101), 'x'.repeat(255), 'x'.repeat(256)),
  fc.constantFrom('x'.repeat(1_024), 'x'.repeat(1_025)),
);
const anything = fc.oneof(text, fc.constantFrom(null, 1, true, [], {}));
const machine = fc.record(
  { fingerprint: fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: anything }), components: anything },
  { requiredKeys: ['fingerprint'] },
);
const body = fc.record(
  {
    key: fc.oneof(text, anything),
    product: fc.oneof(text, anything),
    machine: fc.oneof(machine, anything),
    entitlements: anything,
    released_at: anything,
    nonce: anything,
    other: anything,
  },
  { requiredKeys: [] },
);

describe('a plain question', () => {
  it('is read exactly as the schema reads it, and is no question where the schema refuses', () => {
    let questions = 0;
    fc.assert(
      fc.property(fc.oneof(body, fc.record({ key: text, machine }, { requiredKeys: ['key'] })), (given) => {
        const question = plainQuestion(given);
        if (question === null) return;
        questions += 1;
        const { key, product, fingerprint } = question;
        const plain = { key, ...(product === undefined ? {} : { product }) };
        expect(validateBody.parse(given)).toEqual(
          fingerprint === undefined ? plain : { ...plain, machine: { fingerprint } },
        );
      }),
      { numRuns: 5_000 },
    );
    expect(questions).toBeGreaterThan(100);
  });

  it.each([
    ['a nonce', { key: 'k', nonce: 'n' }],
    ['entitlements', { key: 'k', entitlements: [] }],
    ['components', { key: 'k', machine: { fingerprint: 'f', components: {} } }],
    ['a list', [{ key: 'k' }]],
    ['nothing', null],
  ])('is not one with %s', (_what, given) => {
    expect(plainQuestion(given)).toBeNull();
  });
});
