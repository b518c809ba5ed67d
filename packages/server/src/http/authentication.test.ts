import { LatchkeyError } from '@latchkey/core';
import { describe, expect, it } from 'vitest';
import { admin, anyone, assertAccess, customersFor, maySee, ownerOf } from './authentication.ts';
import type { Access, Principal } from './types.ts';

const customer: Principal = { type: 'customer', id: 'cust_1', scopes: [] };
const keyWith: Principal = { type: 'api_key', id: 'key_1', scopes: ['licenses:read'] };
const keyWithout: Principal = { type: 'api_key', id: 'key_2', scopes: ['events:read'] };

const scoped: Access = { scope: 'licenses:read' };
const owned: Access = { scope: 'licenses:read', owner: true };

function answer(access: Access, principal: Principal): string {
  try {
    assertAccess(access, principal);
    return 'let in';
  } catch (error) {
    return error instanceof LatchkeyError ? error.code : String(error);
  }
}

describe('who gets in', () => {
  it.each<[string, Access, string, string, string, string, string]>([
    // access, then: nobody, customer, key with the scope, key without, admin
    ['anyone', 'anyone', 'let in', 'let in', 'let in', 'let in', 'let in'],
    ['a scope', scoped, 'unauthorized', 'forbidden', 'let in', 'forbidden', 'let in'],
    ['a scope or the owner', owned, 'unauthorized', 'let in', 'let in', 'forbidden', 'let in'],
    ['the owner alone', 'owner', 'unauthorized', 'let in', 'forbidden', 'forbidden', 'let in'],
    ['the admin', 'admin', 'unauthorized', 'forbidden', 'forbidden', 'forbidden', 'let in'],
  ])('to what is for %s', (_what, access, ...expected) => {
    const principals = [anyone, customer, keyWith, keyWithout, admin];
    expect(principals.map((principal) => answer(access, principal))).toEqual(expected);
  });
});

describe('what is there', () => {
  it('for the vendor is everything, for a customer their own, and nothing for nobody', () => {
    expect([admin, keyWith].map(ownerOf)).toEqual([null, null]);
    expect(ownerOf(customer)).toEqual(['cust_1']);
    expect(() => ownerOf(anyone)).toThrow(/unauthorized/);
    expect([maySee(admin, 'cust_2'), maySee(keyWith, null)]).toEqual([true, true]);
    expect([maySee(customer, 'cust_1'), maySee(customer, 'cust_2'), maySee(customer, null)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('for a customer who bought under several ids is all of it', () => {
    const several: Principal = { ...customer, owns: ['cust_1', 'cust_3'] };
    expect(['cust_1', 'cust_2', 'cust_3'].map((id) => maySee(several, id))).toEqual([true, false, true]);
  });

  it('in a list is what was asked for, if it is theirs', () => {
    expect(customersFor(admin, undefined)).toBeUndefined();
    expect(customersFor(admin, 'cust_2')).toEqual(['cust_2']);
    expect(customersFor(customer, undefined)).toEqual(['cust_1']);
    expect(customersFor(customer, 'cust_1')).toEqual(['cust_1']);
    expect(customersFor(customer, 'cust_2')).toEqual([]);
  });

  it('for a customer without an id is nothing, rather than everything', () => {
    expect(() => ownerOf({ ...customer, id: null })).toThrow(/unauthorized/);
  });
});
