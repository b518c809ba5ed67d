import { describe, expect, it } from 'vitest';
import { errorRegistry, isErrorCode, LatchkeyError } from './errors.ts';

describe('an error that a caller sees', () => {
  it('carries the status and the title of its code', () => {
    const error = new LatchkeyError('resource_missing', 'There is no license lic_1.', { path: 'id' });
    expect(error.status).toBe(404);
    expect(error.title).toBe(errorRegistry.resource_missing.title);
    expect(error.path).toBe('id');
    expect(error.message).toBe('resource_missing: There is no license lic_1.');
  });

  it('keeps what caused it', () => {
    const cause = new Error('socket hang up');
    expect(new LatchkeyError('stripe_unavailable', 'Try again.', { cause }).cause).toBe(cause);
  });
});

describe('the registry', () => {
  it('names codes in lower case with underscores and gives each an error status', () => {
    for (const [code, { status, title }] of Object.entries(errorRegistry)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      expect(title).not.toMatch(/\.$/);
    }
  });

  it('tells its codes from other words', () => {
    expect(isErrorCode('internal')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
  });
});
