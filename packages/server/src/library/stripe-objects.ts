export type { FetchedObject } from '../stripe/project.ts';
export type { StripeObject } from '../stripe/shapes.ts';
