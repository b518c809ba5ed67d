/** The decisions and arithmetic of Latchkey. */

export * from './catalog/index.ts';
export * from './cryptography.ts';
export * from './errors.ts';
export * from './fraction.ts';
export * from './license/activation.ts';
export * from './license/codes.ts';
export * from './license/entitlements.ts';
export * from './license/keys/of-catalog.ts';
export * from './license/keys/random.ts';
export * from './license/keys/scheme.ts';
export * from './license/keys/sealed.ts';
export * from './license/keys/sha512-hmac.ts';
export * from './license/keys/tier-signature.ts';
export * from './license/machine-matching.ts';
export * from './license/state.ts';
export * from './license/validate.ts';
export * from './money.ts';
export * from './quantity.ts';
export * from './revenue/mrr.ts';
export * from './subscription/effects.ts';
export * from './subscription/state.ts';
export * from './time.ts';
