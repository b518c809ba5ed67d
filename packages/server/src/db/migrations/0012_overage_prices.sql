-- The metered prices that bill what is used beyond a plan: today's, and those that subscriptions may still be on.
CREATE TABLE catalog_overage_prices (
  product text NOT NULL,
  plan text NOT NULL,
  meter text NOT NULL,
  fingerprint text NOT NULL,
  event_name text NOT NULL,
  stripe_meter_id text NOT NULL,
  stripe_price_id text NOT NULL,
  current boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (product, plan, meter, fingerprint)
);
CREATE INDEX catalog_overage_prices_stripe ON catalog_overage_prices (stripe_price_id);

ALTER TABLE usage_overage
  -- As many of the reported units as went to Stripe's meter.
  ADD COLUMN metered bigint NOT NULL DEFAULT 0 CHECK (metered >= 0),
  -- What was put on invoices as amounts, less what was given back.
  ADD COLUMN itemized_cents bigint NOT NULL DEFAULT 0,
  -- What Stripe's own invoices say of the metered part, once they were final.
  ADD COLUMN billed_units bigint,
  ADD COLUMN billed_cents bigint,
  -- The report that is under way, and how many there were.
  ADD COLUMN report text,
  ADD COLUMN reports integer NOT NULL DEFAULT 0,
  ADD COLUMN reported_at timestamptz,
  -- When it was seen that all of it is billed.
  ADD COLUMN settled_at timestamptz,
  ADD COLUMN outcome text CHECK (outcome IN ('billed', 'waived')),
  -- Why Stripe would not take a report, and of how many units that was.
  ADD COLUMN refusal text,
  ADD COLUMN refused_units bigint;
CREATE INDEX usage_overage_unsettled ON usage_overage (window_end) WHERE metered > 0 AND settled_at IS NULL;
