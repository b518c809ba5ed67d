import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { TaxRate } from '../objects/tax-rate.ts';
import { given } from '../parameters/given.ts';
import { array, boolean, decimal, emptyable, metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const TAX_TYPES = [
  'admissions_tax',
  'amusement_tax',
  'attendance_tax',
  'communications_tax',
  'digital_excise_tax',
  'entertainment_tax',
  'get_fund',
  'gross_receipts_tax',
  'gst',
  'hospitality_tax',
  'hst',
  'igst',
  'jct',
  'lease_tax',
  'luxury_tax',
  'mass_transit_parking_tax',
  'nhil',
  'parking_tax',
  'pst',
  'qst',
  'resort_tax',
  'retail_delivery_fee',
  'rst',
  'sales_tax',
  'service_tax',
  'tourism_tax',
  'utility_users_tax',
  'vat',
] as const;

const SHARED = {
  active: boolean(),
  country: string({ maxLength: 2 }),
  description: string(),
  jurisdiction: string({ maxLength: 50 }),
  metadata: metadata(),
  state: string(),
  tax_type: oneOf(TAX_TYPES),
};

const create = operation({
  method: 'POST',
  route: '/v1/tax_rates',
  params: object({
    ...SHARED,
    display_name: required(string({ maxLength: 50 })),
    inclusive: required(boolean()),
    percentage: required(decimal()),
  }),
  run(work, params) {
    const percentage = Number(params.percentage);
    if (percentage > 100 || !/^\d+(\.\d{1,4})?$/.test(params.percentage)) {
      throw invalidRequest('Invalid percentage: it must be from 0 to 100, with at most four decimal places.', {
        param: 'percentage',
      });
    }
    const rate: TaxRate = {
      id: newId('txr_'),
      object: 'tax_rate',
      active: params.active ?? true,
      country: params.country?.toUpperCase() ?? null,
      created: work.now,
      description: params.description ?? null,
      display_name: params.display_name,
      effective_percentage: null,
      flat_amount: null,
      inclusive: params.inclusive,
      jurisdiction: params.jurisdiction ?? null,
      jurisdiction_level: null,
      livemode: false,
      metadata: mergeMetadata({}, params.metadata),
      percentage,
      rate_type: 'percentage',
      state: params.state ?? null,
      tax_type: params.tax_type ?? null,
    };
    return work.insert(rate, 'tax_rate.created');
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/tax_rates/{tax_rate}',
  params: object({}),
  run: (work, _params, path) => work.require('tax_rate', pathValue(path, 'tax_rate'), 'id'),
});

/** What a rate takes never changes: another percentage is another rate. */
const update = operation({
  method: 'POST',
  route: '/v1/tax_rates/{tax_rate}',
  params: object({ ...SHARED, display_name: string({ maxLength: 50 }) }),
  run(work, params, path) {
    const rate = work.require('tax_rate', pathValue(path, 'tax_rate'), 'id');
    const { metadata: changed, country, ...rest } = params;
    const changes = {
      ...given({ ...rest, country: country?.toUpperCase() }),
      metadata: mergeMetadata(rate.metadata, changed),
    };
    return work.update(rate, changes, 'tax_rate.updated');
  },
});

const list = listOperation({
  object: 'tax_rate',
  route: '/v1/tax_rates',
  filters: { ...CREATED, active: boolean(), inclusive: boolean() },
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.active', params.active),
    ...filter('$.inclusive', params.inclusive),
  ],
});

export const taxRates: Resource = {
  object: 'tax_rate',
  operations: [create, retrieve, update, list],
  expandable: {},
};

/** `default_tax_rates` as calls take it. */
export const TAX_RATES = emptyable(array(string(), { max: 5 }));

/** The rates a caller names, none of them archived. */
export function toTaxRates(work: Work, ids: readonly string[] | '', param: string): TaxRate[] {
  return (ids || []).map((id, index) => {
    const rate = work.require('tax_rate', id, `${param}[${index}]`);
    if (rate.active) return rate;
    throw invalidRequest(`The tax rate ${id} is archived: it cannot be used any more.`, {
      param: `${param}[${index}]`,
    });
  });
}
