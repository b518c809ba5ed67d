-- What a checkout sells in advance: an amount of a meter, for a licence that is there already or for one that is issued when it is paid.
CREATE TABLE checkout_credits (
  checkout_id text PRIMARY KEY REFERENCES checkouts (id),
  -- Null until it is issued.
  license_id text REFERENCES licenses (id),
  meter text NOT NULL,
  pack text,
  -- In the meter's steps.
  quantity bigint NOT NULL CHECK (quantity > 0),
  amount_cents bigint NOT NULL CHECK (amount_cents > 0),
  currency text NOT NULL,
  -- When it was paid and added.
  granted_at timestamptz,
  -- How much of it what became of the payment calls for; and how much could be taken back for that.
  withheld bigint NOT NULL DEFAULT 0 CHECK (withheld BETWEEN 0 AND quantity),
  taken bigint NOT NULL DEFAULT 0 CHECK (taken BETWEEN 0 AND quantity),
  -- How often something was taken back, and given back: they number the ledger's operations.
  takings integer NOT NULL DEFAULT 0,
  givings integer NOT NULL DEFAULT 0,
  CHECK (granted_at IS NULL OR license_id IS NOT NULL)
);
CREATE INDEX checkout_credits_license ON checkout_credits (license_id) WHERE granted_at IS NOT NULL;
