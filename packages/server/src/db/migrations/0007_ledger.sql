-- The ledger: what was given of a meter, what is left of it, and every movement in between. Amounts are whole steps of the meter.
-- What may never be is refused here, whatever the code believes: nothing falls below zero, and nothing is made or lost.

-- One account for each owner and meter. The columns are sums of its transfers, and version says how many there are.
CREATE TABLE ledger_accounts (
  id text PRIMARY KEY,
  license_id text REFERENCES licenses (id),
  customer_id text REFERENCES customers (id),
  product text NOT NULL,
  meter text NOT NULL,
  granted bigint NOT NULL DEFAULT 0 CHECK (granted BETWEEN 0 AND 9007199254740991),
  returned bigint NOT NULL DEFAULT 0 CHECK (returned >= 0),
  available bigint NOT NULL DEFAULT 0 CHECK (available >= 0),
  reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  expired bigint NOT NULL DEFAULT 0 CHECK (expired >= 0),
  version bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
  created_at timestamptz NOT NULL,
  CHECK (num_nonnulls(license_id, customer_id) = 1),
  CHECK (granted - returned = available + reserved + used + expired)
) WITH (fillfactor = 70);
CREATE INDEX ledger_accounts_license ON ledger_accounts (license_id) WHERE license_id IS NOT NULL;
CREATE INDEX ledger_accounts_customer ON ledger_accounts (customer_id) WHERE customer_id IS NOT NULL;

-- One grant, under the key of the operation that made it. number is its transfer's: a lower one is older.
CREATE TABLE ledger_lots (
  account_id text NOT NULL REFERENCES ledger_accounts (id),
  id text NOT NULL,
  source text NOT NULL CHECK (source IN ('included', 'purchased', 'granted')),
  amount bigint NOT NULL CHECK (amount > 0),
  remaining bigint NOT NULL CHECK (remaining >= 0),
  reserved bigint NOT NULL CHECK (reserved >= 0),
  used bigint NOT NULL CHECK (used >= 0),
  expired bigint NOT NULL CHECK (expired >= 0),
  returned bigint NOT NULL CHECK (returned >= 0),
  priority integer NOT NULL,
  expires_at timestamptz,
  period text,
  number bigint NOT NULL,
  -- A column, so that a use that leaves it as it is need not touch the index.
  open boolean NOT NULL GENERATED ALWAYS AS (remaining > 0 OR reserved > 0) STORED,
  PRIMARY KEY (account_id, id),
  CHECK (amount = remaining + reserved + used + expired + returned)
) WITH (fillfactor = 70);
CREATE INDEX ledger_lots_open ON ledger_lots (account_id) WHERE open;

-- The journal. number is 1, 2, 3 … within an account, so that a row that is missing shows. An operation's key is its account's own:
-- leg 0 is what it did, further legs what went with it.
CREATE TABLE ledger_transfers (
  account_id text NOT NULL REFERENCES ledger_accounts (id),
  number bigint NOT NULL CHECK (number > 0),
  operation_key text NOT NULL,
  leg integer NOT NULL CHECK (leg >= 0),
  kind text NOT NULL CHECK (kind IN ('grant', 'consume', 'reserve', 'post', 'release', 'void', 'reservation_expired',
    'lot_expired', 'clawback', 'correction', 'reversal')),
  from_bucket text NOT NULL CHECK (from_bucket IN ('source', 'available', 'reserved', 'consumed')),
  to_bucket text NOT NULL CHECK (to_bucket IN ('source', 'available', 'reserved', 'consumed', 'expired')),
  amount bigint NOT NULL CHECK (amount >= 0),
  requested bigint NOT NULL CHECK (requested >= amount),
  parts jsonb NOT NULL,
  available_after bigint NOT NULL CHECK (available_after >= 0),
  at timestamptz NOT NULL,
  reason text,
  subject text,
  PRIMARY KEY (account_id, number),
  UNIQUE (account_id, operation_key, leg),
  CHECK (from_bucket <> to_bucket)
);
CREATE INDEX ledger_transfers_reversals ON ledger_transfers (account_id, subject) WHERE kind = 'reversal';

CREATE TABLE ledger_reservations (
  id text PRIMARY KEY,
  account_id text NOT NULL REFERENCES ledger_accounts (id),
  amount bigint NOT NULL CHECK (amount > 0),
  parts jsonb NOT NULL,
  expires_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('live', 'posted', 'voided', 'expired')),
  posted bigint NOT NULL CHECK (posted BETWEEN 0 AND amount)
);
CREATE INDEX ledger_reservations_live ON ledger_reservations (account_id, expires_at) WHERE status = 'live';

-- What was written stays as it was written: a mistake is corrected by another transfer.
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the journal of the ledger is only ever added to' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_transfers_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
