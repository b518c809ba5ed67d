export * from './credit.ts';
export * from './defaults.ts';
export * from './inheritance.ts';
export * from './lookup.ts';
export * from './policy-fields.ts';
export * from './seats.ts';
export type * from './types.ts';
