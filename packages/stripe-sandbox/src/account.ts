import { randomText } from './ids.ts';
import type { JsonObject } from './json.ts';
import type { Database } from './store/database.ts';

export const ACCOUNT_COUNTRY = 'US';
export const ACCOUNT_NAME = 'Local Stripe';

/** The id of the one account, made when the state file is and kept in it. */
export function accountId(database: Database): string {
  const known = database.meta('account');
  if (known !== undefined) return known;
  const id = `acct_${randomText(16)}`;
  database.setMeta('account', id);
  return id;
}

/** The one account, as `GET /v1/account` answers it. */
export function account(id: string, created: number): JsonObject {
  return {
    id,
    object: 'account',
    business_profile: {
      mcc: null,
      minority_owned_business_designation: null,
      name: ACCOUNT_NAME,
      specified_commercial_transactions_act_url: null,
      support_address: null,
      support_email: null,
      support_phone: null,
      support_url: null,
      url: null,
    },
    business_type: null,
    charges_enabled: true,
    country: ACCOUNT_COUNTRY,
    created,
    default_currency: 'usd',
    details_submitted: true,
    email: null,
    metadata: {},
    payouts_enabled: true,
    type: 'standard',
  };
}
