-- Timed use: a session deducts from its licence's balance of a time meter while it lives. Instants are domain time.
CREATE TABLE usage_sessions (
  id text PRIMARY KEY,
  license_id text NOT NULL REFERENCES licenses (id),
  account_id text NOT NULL REFERENCES ledger_accounts (id),
  product text NOT NULL,
  meter text NOT NULL,
  -- The client's own name for it.
  client_id text,
  interval_ms bigint NOT NULL CHECK (interval_ms > 0),
  -- Whether it refuses another beside it.
  exclusive boolean NOT NULL,
  started_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL CHECK (last_seen_at >= started_at),
  charged_until timestamptz NOT NULL CHECK (charged_until BETWEEN started_at AND last_seen_at),
  vanishes_at timestamptz NOT NULL,
  ended_at timestamptz,
  code text NOT NULL CHECK (code IN ('RUNNING', 'ENDED', 'VANISHED', 'NO_CREDIT', 'LICENSE_NOT_VALID')),
  deductions integer NOT NULL DEFAULT 0 CHECK (deductions >= 0),
  -- In the meter's steps.
  used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  CHECK ((code = 'RUNNING') = (ended_at IS NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX usage_sessions_alone ON usage_sessions (account_id) WHERE ended_at IS NULL AND exclusive;
CREATE UNIQUE INDEX usage_sessions_client ON usage_sessions (account_id, client_id) WHERE ended_at IS NULL;
CREATE INDEX usage_sessions_running ON usage_sessions (vanishes_at) WHERE ended_at IS NULL;
CREATE INDEX usage_sessions_of_license ON usage_sessions (license_id, started_at, id);
