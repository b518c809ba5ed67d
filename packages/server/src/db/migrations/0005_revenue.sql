-- What each subscription brings in a month, and every change of it: the sum of the movements is the monthly revenue, always.
ALTER TABLE subscriptions ADD COLUMN mrr_cents bigint NOT NULL DEFAULT 0;

CREATE TABLE revenue_movements (
  id text PRIMARY KEY,
  subscription_id text NOT NULL REFERENCES subscriptions (id),
  customer_id text REFERENCES customers (id),
  product text NOT NULL,
  plan text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('new', 'expansion', 'contraction', 'churn', 'reactivation')),
  currency text NOT NULL,
  delta_cents bigint NOT NULL CHECK (delta_cents <> 0),
  at timestamptz NOT NULL
);
CREATE INDEX revenue_movements_newest ON revenue_movements (at DESC, id DESC);
CREATE INDEX revenue_movements_customer ON revenue_movements (customer_id);
CREATE INDEX revenue_movements_subscription ON revenue_movements (subscription_id);
