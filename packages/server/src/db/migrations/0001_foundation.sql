-- The ground floor. Times written here come from the application's clocks (see ports.ts); nothing in SQL reads the time.

CREATE TABLE settings (
  key text PRIMARY KEY,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE customers (
  id text PRIMARY KEY,
  email text,
  email_normalized text,
  name text,
  external_id text UNIQUE,
  stripe_customer_id text UNIQUE,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1
);
CREATE INDEX customers_email ON customers (email_normalized);
CREATE INDEX customers_newest ON customers (created_at DESC, id DESC);

-- A subscription is Stripe's, mirrored (source = stripe), or one the vendor keeps by hand through the library (source = manual).
-- reference is Stripe's id for the first kind and the caller's own for the second.
CREATE TABLE subscriptions (
  id text PRIMARY KEY,
  source text NOT NULL CHECK (source IN ('stripe', 'manual')),
  reference text NOT NULL UNIQUE,
  customer_id text REFERENCES customers (id),
  product text NOT NULL,
  plan text NOT NULL,
  status text NOT NULL,
  standing text NOT NULL,
  current_period_start timestamptz,
  current_period_end timestamptz,
  trial_end timestamptz,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  paid_through timestamptz,
  grace_until timestamptz,
  failed_payments integer NOT NULL DEFAULT 0 CHECK (failed_payments >= 0),
  amount_cents bigint NOT NULL DEFAULT 0,
  currency text NOT NULL DEFAULT 'usd',
  recurring_interval text,
  recurring_interval_count integer NOT NULL DEFAULT 1,
  metadata jsonb NOT NULL DEFAULT '{}',
  due_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1
);
CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX subscriptions_customer ON subscriptions (customer_id);
CREATE INDEX subscriptions_newest ON subscriptions (created_at DESC, id DESC);

-- The key itself is only here encrypted (key_ciphertext, under the secret named by key_secret_id) and as an HMAC (key_index).
-- origin names what brought the licence into being, once: a subscription can never issue two.
CREATE TABLE licenses (
  id text PRIMARY KEY,
  origin text NOT NULL UNIQUE,
  product text NOT NULL,
  plan text NOT NULL,
  scheme text NOT NULL,
  key_ciphertext bytea NOT NULL,
  key_secret_id text NOT NULL,
  key_index bytea NOT NULL UNIQUE,
  key_hint text NOT NULL,
  customer_id text REFERENCES customers (id),
  subscription_id text REFERENCES subscriptions (id),
  starts_at timestamptz NOT NULL,
  expires_at timestamptz,
  max_machines integer NOT NULL CHECK (max_machines >= -1),
  machines_used integer NOT NULL DEFAULT 0 CHECK (machines_used >= 0),
  metadata jsonb NOT NULL DEFAULT '{}',
  coverage text NOT NULL CHECK (coverage IN ('term', 'renewing', 'past_due', 'ended')),
  revealed_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1
);
CREATE INDEX licenses_customer ON licenses (customer_id);
CREATE INDEX licenses_subscription ON licenses (subscription_id);
CREATE INDEX licenses_newest ON licenses (created_at DESC, id DESC);

-- A hold bites from effective_at on; one in the future is the end of a grace period that has already been decided.
CREATE TABLE license_holds (
  license_id text NOT NULL REFERENCES licenses (id),
  cause text NOT NULL CHECK (cause IN ('payment', 'cancel', 'refund', 'dispute', 'admin')),
  effect text NOT NULL CHECK (effect IN ('suspend', 'revoke')),
  reason text,
  effective_at timestamptz NOT NULL,
  PRIMARY KEY (license_id, cause)
);

CREATE TABLE activations (
  id text PRIMARY KEY,
  license_id text NOT NULL REFERENCES licenses (id),
  fingerprint text NOT NULL,
  name text,
  components jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  released_at timestamptz
);
CREATE UNIQUE INDEX activations_live ON activations (license_id, fingerprint) WHERE released_at IS NULL;
CREATE INDEX activations_license ON activations (license_id, created_at);

-- What Stripe last said of each object, in today's shape. as_of orders what arrives; a deleted object stays deleted.
CREATE TABLE stripe_objects (
  type text NOT NULL,
  id text NOT NULL,
  parent_id text,
  as_of timestamptz NOT NULL,
  deleted boolean NOT NULL DEFAULT false,
  data jsonb NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (type, id)
);
CREATE INDEX stripe_objects_parent ON stripe_objects (parent_id, type) WHERE parent_id IS NOT NULL;

CREATE TABLE catalog_prices (
  product text NOT NULL,
  plan text NOT NULL,
  fingerprint text NOT NULL,
  stripe_product_id text NOT NULL,
  stripe_price_id text NOT NULL,
  current boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (product, plan, fingerprint)
);
CREATE INDEX catalog_prices_stripe ON catalog_prices (stripe_price_id);

CREATE TABLE checkouts (
  id text PRIMARY KEY,
  intent_id text NOT NULL UNIQUE,
  stripe_session_id text UNIQUE,
  product text NOT NULL,
  plan text NOT NULL,
  email text,
  status text NOT NULL CHECK (status IN ('planned', 'open', 'complete', 'expired', 'failed')),
  url text,
  stripe_subscription_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX checkouts_subscription ON checkouts (stripe_subscription_id) WHERE stripe_subscription_id IS NOT NULL;

-- Calls to Stripe that were decided but not yet known to be done. The id is the Idempotency-Key.
CREATE TABLE intents (
  id text PRIMARY KEY,
  kind text NOT NULL,
  subject_id text NOT NULL,
  request jsonb NOT NULL,
  response jsonb,
  status text NOT NULL CHECK (status IN ('planned', 'done', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  next_attempt_at timestamptz,
  last_error text,
  created_at timestamptz NOT NULL,
  finished_at timestamptz
);
CREATE INDEX intents_open ON intents (next_attempt_at) WHERE status = 'planned';

-- Every event Stripe delivered, stored before anything is done with it.
CREATE TABLE inbox (
  id text PRIMARY KEY,
  event_id text NOT NULL UNIQUE,
  type text NOT NULL,
  api_version text,
  stripe_created timestamptz NOT NULL,
  path text NOT NULL,
  payload jsonb NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'processed', 'ignored', 'failed')),
  reason text,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  received_at timestamptz NOT NULL,
  finished_at timestamptz
);
CREATE INDEX inbox_pending ON inbox (received_at, id) WHERE status = 'pending';
CREATE INDEX inbox_newest ON inbox (received_at DESC, id DESC);

-- What is to leave the house once the transaction that decided it has committed. effect_key makes an effect happen once.
CREATE TABLE outbox (
  id text PRIMARY KEY,
  effect_key text NOT NULL UNIQUE,
  kind text NOT NULL,
  payload jsonb NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_error text,
  created_at timestamptz NOT NULL,
  finished_at timestamptz
);
CREATE INDEX outbox_pending ON outbox (created_at, id) WHERE status = 'pending';

-- The sandbox's letters; their content is encrypted because it holds keys.
CREATE TABLE sandbox_mail (
  id text PRIMARY KEY,
  outbox_id text NOT NULL UNIQUE,
  recipient text NOT NULL,
  subject text NOT NULL,
  content_ciphertext bytea NOT NULL,
  content_secret_id text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX sandbox_mail_recipient ON sandbox_mail (recipient, created_at DESC);

CREATE TABLE audit_log (
  id text PRIMARY KEY,
  at timestamptz NOT NULL,
  actor_type text NOT NULL,
  actor_id text,
  action text NOT NULL,
  subject_type text NOT NULL,
  subject_id text NOT NULL,
  detail jsonb NOT NULL DEFAULT '{}',
  request_id text
);
CREATE INDEX audit_log_newest ON audit_log (at DESC, id DESC);
CREATE INDEX audit_log_subject ON audit_log (subject_type, subject_id, at DESC);

CREATE TABLE api_keys (
  id text PRIMARY KEY,
  name text NOT NULL,
  hash bytea NOT NULL UNIQUE,
  hint text NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);

-- Answers kept for the Idempotency-Key header, encrypted because one may hold a licence key.
CREATE TABLE idempotency_keys (
  principal text NOT NULL,
  key text NOT NULL,
  request_hash bytea NOT NULL,
  status integer,
  answer_ciphertext bytea,
  answer_secret_id text,
  lease_until timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
