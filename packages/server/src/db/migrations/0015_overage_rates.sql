-- What a metered price charges for one unit, so that a rate of use finds the price that bills it.
ALTER TABLE catalog_overage_prices
  ADD COLUMN unit_amount text NOT NULL DEFAULT '',
  ADD COLUMN currency text NOT NULL DEFAULT '';

-- The metered price that bills the metered part; null while nothing went to a meter.
ALTER TABLE usage_overage ADD COLUMN stripe_price_id text;
