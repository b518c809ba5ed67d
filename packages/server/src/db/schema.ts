/** The tables as Kysely sees them. The SQL in `migrations/` is the truth; a test compares the two. */

import type { ColumnType, Generated } from 'kysely';
import type { CheckoutCreditsTable, UsageSessionsTable } from './schema-prepaid.ts';
import type {
  UsageAllowancesTable,
  UsageHoursTable,
  UsageOverageTable,
  UsageReservationsTable,
  UsageWindowsTable,
} from './schema-usage.ts';

/** A JSON column: parsed when read, written as text. */
export type Json<T = unknown> = ColumnType<T, string, string>;
type Metadata = ColumnType<Record<string, string>, string | undefined, string>;
type JsonObject = ColumnType<Record<string, unknown>, string | undefined, string>;
/** bigint columns are read as numbers (the client refuses those beyond 2^53). */
type BigInteger = ColumnType<number, number | undefined, number>;

export interface SettingsTable {
  key: string;
  value: Json;
  updated_at: Date;
}

export interface CustomersTable {
  id: string;
  email: string | null;
  email_normalized: string | null;
  name: string | null;
  external_id: string | null;
  stripe_customer_id: string | null;
  email_claimed: Generated<boolean>;
  metadata: Metadata;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
  version: Generated<number>;
}

export interface SubscriptionsTable {
  id: string;
  source: 'stripe' | 'manual';
  reference: string;
  customer_id: string | null;
  product: string;
  plan: string;
  status: string;
  standing: string;
  current_period_start: Date | null;
  current_period_end: Date | null;
  trial_end: Date | null;
  cancel_at: Date | null;
  canceled_at: Date | null;
  ended_at: Date | null;
  paid_through: Date | null;
  grace_until: Date | null;
  failed_payments: Generated<number>;
  amount_cents: BigInteger;
  currency: Generated<string>;
  recurring_interval: string | null;
  recurring_interval_count: Generated<number>;
  quantity: Generated<number>;
  mrr_cents: BigInteger;
  metadata: Metadata;
  due_at: Date | null;
  created_at: Date;
  updated_at: Date;
  version: Generated<number>;
}

export interface LicensesTable {
  id: string;
  origin: string;
  product: string;
  plan: string;
  scheme: string;
  key_ciphertext: Uint8Array;
  key_secret_id: string;
  key_index: Uint8Array;
  key_hint: string;
  customer_id: string | null;
  subscription_id: string | null;
  starts_at: Date;
  expires_at: Date | null;
  max_machines: number;
  machines_used: Generated<number>;
  metadata: Metadata;
  coverage: 'term' | 'renewing' | 'past_due' | 'ended';
  overrides: JsonObject;
  term_begins_with: 'first_validation' | 'first_activation' | null;
  revealed_at: Date | null;
  created_at: Date;
  updated_at: Date;
  version: Generated<number>;
}

export interface LicenseHoldsTable {
  license_id: string;
  cause: 'payment' | 'cancel' | 'refund' | 'dispute' | 'admin';
  effect: 'suspend' | 'revoke';
  reason: string | null;
  effective_at: Date;
}

export interface ActivationsTable {
  id: string;
  license_id: string;
  fingerprint: string;
  name: string | null;
  components: Metadata;
  uniqueness: string;
  created_at: Date;
  released_at: Date | null;
  released_by: 'key_holder' | 'owner' | 'vendor' | 'transfer' | 'reactivation' | null;
}

export interface ReactivationRequestsTable {
  id: string;
  license_id: string;
  fingerprint: string;
  name: string | null;
  components: Metadata;
  status: 'pending' | 'approved' | 'denied';
  reason: string | null;
  created_at: Date;
  decided_at: Date | null;
  decided_by: string | null;
}

export interface OwnerLinksTable {
  id: string;
  purpose: 'machine_release';
  email: string;
  created_at: Date;
  expires_at: Date;
}

export interface SigningKeysTable {
  id: string;
  public_key: Uint8Array;
  private_ciphertext: Uint8Array;
  private_secret_id: string;
  status: 'active' | 'retired' | 'revoked';
  created_at: Date;
  retired_at: Date | null;
  revoked_at: Date | null;
}

export interface LicenseFilesTable {
  id: string;
  license_id: string;
  signing_key_id: string;
  kind: 'license' | 'machine';
  fingerprint: string | null;
  issued_at: Date;
  expires_at: Date | null;
}

export interface StripeObjectsTable {
  type: string;
  id: string;
  parent_id: string | null;
  as_of: Date;
  deleted: Generated<boolean>;
  data: Json;
  updated_at: Date;
}

export interface CatalogPricesTable {
  product: string;
  plan: string;
  fingerprint: string;
  stripe_product_id: string;
  stripe_price_id: string;
  current: Generated<boolean>;
  created_at: Date;
}

export interface CatalogOveragePricesTable {
  product: string;
  plan: string;
  meter: string;
  fingerprint: string;
  event_name: string;
  stripe_meter_id: string;
  stripe_price_id: string;
  current: Generated<boolean>;
  created_at: Date;
  unit_amount: Generated<string>;
  currency: Generated<string>;
}

export interface CheckoutsTable {
  id: string;
  intent_id: string;
  stripe_session_id: string | null;
  product: string;
  plan: string;
  quantity: Generated<number>;
  email: string | null;
  status: 'planned' | 'open' | 'complete' | 'expired' | 'failed';
  url: string | null;
  stripe_subscription_id: string | null;
  stripe_payment_intent_id: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface IntentsTable {
  id: string;
  kind: string;
  subject_id: string;
  request: Json;
  response: Json<unknown> | null;
  status: 'planned' | 'done' | 'failed';
  attempts: Generated<number>;
  lease_until: Date | null;
  next_attempt_at: Date | null;
  last_error: string | null;
  created_at: Date;
  finished_at: Date | null;
}

export interface InboxTable {
  id: string;
  event_id: string;
  type: string;
  api_version: string | null;
  stripe_created: Date;
  path: string;
  payload: Json;
  status: 'pending' | 'processed' | 'ignored' | 'failed';
  reason: string | null;
  attempts: Generated<number>;
  next_attempt_at: Date | null;
  received_at: Date;
  finished_at: Date | null;
}

export interface OutboxTable {
  id: string;
  effect_key: string;
  kind: string;
  payload: Json;
  status: 'pending' | 'delivered' | 'dead';
  attempts: Generated<number>;
  next_attempt_at: Date | null;
  last_error: string | null;
  created_at: Date;
  finished_at: Date | null;
}

export interface SandboxMailTable {
  id: string;
  outbox_id: string;
  recipient: string;
  subject: string;
  content_ciphertext: Uint8Array;
  content_secret_id: string;
  created_at: Date;
}

export interface AuditLogTable {
  id: string;
  at: Date;
  actor_type: string;
  actor_id: string | null;
  action: string;
  subject_type: string;
  subject_id: string;
  detail: JsonObject;
  request_id: string | null;
}

export interface ApiKeysTable {
  id: string;
  name: string;
  hash: Uint8Array;
  hint: string;
  scopes: string[];
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

export interface IdempotencyKeysTable {
  principal: string;
  key: string;
  request_hash: Uint8Array;
  status: number | null;
  answer_ciphertext: Uint8Array | null;
  answer_secret_id: string | null;
  lease_until: Date;
  created_at: Date;
}

export interface RevenueMovementsTable {
  id: string;
  subscription_id: string;
  customer_id: string | null;
  product: string;
  plan: string;
  kind: 'new' | 'expansion' | 'contraction' | 'churn' | 'reactivation';
  currency: string;
  delta_cents: BigInteger;
  at: Date;
}

export interface LedgerAccountsTable {
  id: string;
  license_id: string | null;
  customer_id: string | null;
  product: string;
  meter: string;
  granted: BigInteger;
  returned: BigInteger;
  available: BigInteger;
  reserved: BigInteger;
  used: BigInteger;
  expired: BigInteger;
  version: BigInteger;
  created_at: Date;
}

export interface LedgerLotsTable {
  account_id: string;
  id: string;
  source: 'included' | 'purchased' | 'granted';
  amount: BigInteger;
  remaining: BigInteger;
  reserved: BigInteger;
  used: BigInteger;
  expired: BigInteger;
  returned: BigInteger;
  priority: number;
  expires_at: Date | null;
  period: string | null;
  number: BigInteger;
  open: ColumnType<boolean, never, never>;
}

export interface LedgerTransfersTable {
  account_id: string;
  number: BigInteger;
  operation_key: string;
  leg: number;
  kind: string;
  from_bucket: string;
  to_bucket: string;
  amount: BigInteger;
  requested: BigInteger;
  parts: Json;
  available_after: BigInteger;
  at: Date;
  reason: string | null;
  subject: string | null;
}

export interface LedgerReservationsTable {
  id: string;
  account_id: string;
  amount: BigInteger;
  parts: Json;
  expires_at: Date;
  status: 'live' | 'posted' | 'voided' | 'expired';
  posted: BigInteger;
}

export interface ReconciliationsTable {
  id: string;
  mode: 'report' | 'fix';
  status: 'running' | 'done' | 'failed';
  checked: Generated<number>;
  found: Generated<number>;
  fixed: Generated<number>;
  stage: string;
  differences: ColumnType<unknown[], string | undefined, string>;
  error: string | null;
  started_at: Date;
  heartbeat_at: Date;
  finished_at: Date | null;
}

export interface AuthUsersTable {
  id: string;
  name: string;
  email: string;
  email_verified: Generated<boolean>;
  image: string | null;
  customer_id: string | null;
  admin_since: Date | null;
  created_at: Date;
  updated_at: Date;
}

export interface AuthSessionsTable {
  id: string;
  user_id: string;
  token: string;
  expires_at: Date;
  user_agent: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface AuthAccountsTable {
  id: string;
  user_id: string;
  account_id: string;
  provider_id: string;
  password: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface AuthVerificationsTable {
  id: string;
  identifier: string;
  value: string;
  expires_at: Date;
  created_at: Date;
  updated_at: Date;
}

export interface UsageEventsTable {
  id: string;
  account_id: string;
  at: Date;
  received_at: Date;
  quantity: BigInteger;
  covered: BigInteger;
  overage: BigInteger;
  uncovered: BigInteger;
  lapsed: number | null;
  rate: string | null;
  operation: string | null;
  reverses: string | null;
  method: string | null;
  route: string | null;
  duration_ms: number | null;
  status: number | null;
  properties: Record<string, unknown> | null;
}

export interface UsageEventIdsTable {
  key: string;
  received_at: Date;
  at: Date;
  quantity: BigInteger;
  reversed: BigInteger;
}

export interface Schema {
  settings: SettingsTable;
  customers: CustomersTable;
  subscriptions: SubscriptionsTable;
  licenses: LicensesTable;
  license_holds: LicenseHoldsTable;
  activations: ActivationsTable;
  reactivation_requests: ReactivationRequestsTable;
  owner_links: OwnerLinksTable;
  signing_keys: SigningKeysTable;
  license_files: LicenseFilesTable;
  stripe_objects: StripeObjectsTable;
  catalog_prices: CatalogPricesTable;
  catalog_overage_prices: CatalogOveragePricesTable;
  checkouts: CheckoutsTable;
  checkout_credits: CheckoutCreditsTable;
  intents: IntentsTable;
  inbox: InboxTable;
  outbox: OutboxTable;
  ledger_accounts: LedgerAccountsTable;
  ledger_lots: LedgerLotsTable;
  ledger_transfers: LedgerTransfersTable;
  ledger_reservations: LedgerReservationsTable;
  usage_events: UsageEventsTable;
  usage_event_ids: UsageEventIdsTable;
  usage_windows: UsageWindowsTable;
  usage_overage: UsageOverageTable;
  usage_allowances: UsageAllowancesTable;
  usage_reservations: UsageReservationsTable;
  usage_hours: UsageHoursTable;
  usage_sessions: UsageSessionsTable;
  reconciliations: ReconciliationsTable;
  revenue_movements: RevenueMovementsTable;
  sandbox_mail: SandboxMailTable;
  audit_log: AuditLogTable;
  api_keys: ApiKeysTable;
  idempotency_keys: IdempotencyKeysTable;
  auth_users: AuthUsersTable;
  auth_sessions: AuthSessionsTable;
  auth_accounts: AuthAccountsTable;
  auth_verifications: AuthVerificationsTable;
}
