/** The decisions and arithmetic of Latchkey. */

export * from './catalog/index.ts';
export * from './fraction.ts';
export * from './money.ts';
export * from './quantity.ts';
