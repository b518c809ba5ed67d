import type { Metadata } from './parts.ts';

/** A tax that somebody has set up by hand. */
export type TaxRate = {
  id: string;
  object: 'tax_rate';
  active: boolean;
  country: string | null;
  created: number;
  description: string | null;
  display_name: string;
  effective_percentage: null;
  flat_amount: null;
  inclusive: boolean;
  jurisdiction: string | null;
  jurisdiction_level: null;
  livemode: false;
  metadata: Metadata;
  percentage: number;
  rate_type: 'percentage';
  state: string | null;
  tax_type: string | null;
};

/** What a tax comes to, on a line or in all. */
export type TaxAmount = {
  amount: number;
  tax_behavior: 'exclusive' | 'inclusive';
  tax_rate_details: { tax_rate: string };
  taxability_reason: 'customer_exempt' | 'not_available' | 'reverse_charge';
  taxable_amount: number;
  type: 'tax_rate_details';
};
