/** What the vendor sold at Stripe themselves, by a session or a payment link that was not made here. */
export interface SoldElsewhere {
  product: string;
  plan: string;
  /** Whose key it is, by the vendor's name for them: what the key is made from. */
  user: string;
  /** Kept with the licence. */
  notes: Readonly<Record<string, string>>;
}

/**
 * What the metadata of a session or a subscription say was sold, to whoever knows such metadata. A text says why nothing can be given
 * for them; null: nobody here knows any.
 */
export type RecognizeSale = (metadata: Readonly<Record<string, string>>) => SoldElsewhere | string | null;
