-- Comparisons of everything mirrored with Stripe itself, and what they found. One runs at a time.
CREATE TABLE reconciliations (
  id text PRIMARY KEY,
  mode text NOT NULL CHECK (mode IN ('report', 'fix')),
  status text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
  checked integer NOT NULL DEFAULT 0,
  found integer NOT NULL DEFAULT 0,
  fixed integer NOT NULL DEFAULT 0,
  stage text NOT NULL,
  differences jsonb NOT NULL DEFAULT '[]',
  error text,
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL,
  finished_at timestamptz
);
CREATE UNIQUE INDEX reconciliations_running ON reconciliations (status) WHERE status = 'running';
CREATE INDEX reconciliations_newest ON reconciliations (started_at DESC, id DESC);

-- An imported licence says in its metadata which subscription of Stripe's it is of; the first that is heard of it finds it so.
CREATE INDEX licenses_imported_subscription ON licenses ((metadata ->> 'stripe_subscription_id'))
  WHERE subscription_id IS NULL AND (metadata ->> 'stripe_subscription_id') IS NOT NULL;
