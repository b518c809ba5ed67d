import fc from 'fast-check';
import { expect, it } from 'vitest';
import { writeInstant } from './instant.ts';

it('an instant is written as the platform writes it', () => {
  const most = Date.UTC(9_999, 11, 31, 23, 59, 59, 999);
  fc.assert(
    fc.property(fc.integer({ min: -most, max: most }), (milliseconds) => {
      expect(writeInstant(milliseconds)).toBe(new Date(milliseconds).toISOString());
    }),
    { numRuns: 5_000 },
  );
});
