-- Use that was recorded: the events, what they add up to in each period of an account, and what of them is billed. Whoever changes any of
-- it holds the lock of the account's row in ledger_accounts. Quantities are whole steps of the meter.

-- Months of events have tables of their own, made when the first event of a month arrives, or ahead of it.
CREATE SCHEMA usage_months;

-- An event is never changed: a correction is another event, whose quantity is negative and which names what it reverses.
CREATE TABLE usage_events (
  id text NOT NULL,
  account_id text NOT NULL,
  at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  quantity bigint NOT NULL,
  -- Taken from what the account had: a balance, or what the plan includes without limit.
  covered bigint NOT NULL,
  -- Beyond it and billed, at a rate of usage_overage.
  overage bigint NOT NULL,
  -- Beyond it and noted only.
  uncovered bigint NOT NULL,
  -- As much of covered as came out of an included amount whose period was over when the event arrived.
  lapsed bigint,
  rate text,
  -- The operation of the ledger that took it, together with others.
  operation text,
  reverses text,
  method text,
  route text,
  duration_ms integer,
  status integer,
  properties jsonb,
  CHECK (quantity >= 0 OR reverses IS NOT NULL)
) PARTITION BY RANGE (at);
CREATE INDEX usage_events_account ON usage_events (account_id, at);

-- Which events were counted: a digest of the account and the id. By the month of arrival, for an id needs to be known only while its
-- event may come again.
CREATE TABLE usage_event_ids (
  key uuid NOT NULL,
  received_at timestamptz NOT NULL,
  at timestamptz NOT NULL,
  quantity bigint NOT NULL,
  -- How much of it corrections took back.
  reversed bigint NOT NULL DEFAULT 0,
  CHECK (reversed BETWEEN 0 AND greatest(quantity, 0))
) PARTITION BY RANGE (received_at);

-- Makes the tables of a month, where they are not there yet. Attaching a table, unlike making it in its place, lets writers go on.
CREATE FUNCTION usage_make_month(month timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  starts timestamp := date_trunc('month', month AT TIME ZONE 'UTC');
  ends timestamp := starts + interval '1 month';
  name text := to_char(starts, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(4242002);
  IF to_regclass('usage_months.events_' || name) IS NULL THEN
    EXECUTE format('CREATE TABLE usage_months.%I (LIKE usage_events INCLUDING CONSTRAINTS)', 'events_' || name);
    EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION usage_months.%I FOR VALUES FROM (%L) TO (%L)',
      'events_' || name, starts AT TIME ZONE 'UTC', ends AT TIME ZONE 'UTC');
  END IF;
  IF to_regclass('usage_months.ids_' || name) IS NULL THEN
    EXECUTE format('CREATE TABLE usage_months.%I (LIKE usage_event_ids INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (key))',
      'ids_' || name);
    EXECUTE format('ALTER TABLE usage_event_ids ATTACH PARTITION usage_months.%I FOR VALUES FROM (%L) TO (%L)',
      'ids_' || name, starts AT TIME ZONE 'UTC', ends AT TIME ZONE 'UTC');
  END IF;
END $$;

-- What an account used in one billing period. The plan, its limit and its ceiling are those of the last use.
CREATE TABLE usage_windows (
  account_id text NOT NULL REFERENCES ledger_accounts (id),
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  subscription_id text,
  plan text,
  limit_kind text NOT NULL CHECK (limit_kind IN ('hard', 'overage', 'soft', 'prepaid')),
  -- What the plan, or the best of several plans in the period, includes; -1 is without limit.
  included bigint NOT NULL CHECK (included >= -1),
  ceiling bigint,
  events bigint NOT NULL DEFAULT 0 CHECK (events >= 0),
  -- The sum of quantities, their number, the greatest or the last of them, as the meter says.
  recorded bigint NOT NULL DEFAULT 0 CHECK (recorded BETWEEN 0 AND 9007199254740991),
  covered bigint NOT NULL DEFAULT 0 CHECK (covered >= 0),
  overage bigint NOT NULL DEFAULT 0 CHECK (overage >= 0),
  uncovered bigint NOT NULL DEFAULT 0 CHECK (uncovered >= 0),
  -- As much of covered as late events took of the included amount after the period.
  lapsed bigint NOT NULL DEFAULT 0 CHECK (lapsed >= 0),
  -- When the last of its events happened, for meters that keep the last value.
  last_at timestamptz,
  -- The highest threshold in percent of what is included that was crossed so far; 0 is none.
  warned integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, starts_at),
  CHECK (starts_at < ends_at),
  CHECK (lapsed <= covered)
) WITH (fillfactor = 70);

-- What is billed of a period, by the rate at which it is: a plan's, so that a change of plan within the period begins another row.
CREATE TABLE usage_overage (
  account_id text NOT NULL,
  window_start timestamptz NOT NULL,
  rate text NOT NULL,
  window_end timestamptz NOT NULL,
  subscription_id text,
  plan text NOT NULL,
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  per_units bigint NOT NULL CHECK (per_units > 0),
  currency text NOT NULL,
  units bigint NOT NULL CHECK (units >= 0),
  -- As many of the units as Stripe was told of.
  reported bigint NOT NULL DEFAULT 0 CHECK (reported >= 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, window_start, rate),
  FOREIGN KEY (account_id, window_start) REFERENCES usage_windows (account_id, starts_at)
) WITH (fillfactor = 70);
CREATE INDEX usage_overage_unreported ON usage_overage (window_end) WHERE units <> reported;
CREATE INDEX usage_overage_subscription ON usage_overage (subscription_id) WHERE subscription_id IS NOT NULL;

-- What an owner is allowed in the place of what their plan says. What is null is the plan's; a ceiling of -1 is none.
CREATE TABLE usage_allowances (
  account_id text PRIMARY KEY REFERENCES ledger_accounts (id),
  included bigint CHECK (included >= -1),
  limit_kind text CHECK (limit_kind IN ('hard', 'overage', 'soft')),
  ceiling bigint CHECK (ceiling >= -1),
  updated_at timestamptz NOT NULL
);

-- Use that was admitted and has not happened yet. As much of it as the balance had is held by the ledger under the same id; what is
-- beyond it is counted here, so that a ceiling holds.
CREATE TABLE usage_reservations (
  id text PRIMARY KEY,
  account_id text NOT NULL,
  window_start timestamptz NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  held bigint NOT NULL CHECK (held >= 0),
  overage bigint NOT NULL CHECK (overage >= 0),
  uncovered bigint NOT NULL CHECK (uncovered >= 0),
  rate text,
  status text NOT NULL CHECK (status IN ('live', 'finalized', 'released')),
  event_id text,
  used bigint,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CHECK (quantity >= held + overage + uncovered)
);
CREATE INDEX usage_reservations_beyond ON usage_reservations (account_id, expires_at)
  WHERE status = 'live' AND overage + uncovered > 0;

CREATE FUNCTION usage_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'events of use are only ever added to' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER usage_events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_events
  FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();

-- A batch in two calls, as the ledger's is: this reads what is to be known of accounts that are locked, the next writes what was decided.
CREATE FUNCTION usage_read(ids text[], keys uuid[], held text[], since timestamptz, now timestamptz) RETURNS json
  LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  found_windows json;
  found_events json;
  found_allowances json;
  found_reservations json;
  found_beyond json;
  found_overages json;
BEGIN
  SELECT json_agg(json_build_array(account_id, (extract(epoch FROM starts_at) * 1000)::bigint,
      (extract(epoch FROM ends_at) * 1000)::bigint, subscription_id, plan, limit_kind, included, ceiling, events, recorded, covered,
      overage, uncovered, lapsed, (extract(epoch FROM last_at) * 1000)::bigint, warned)) INTO found_windows
    FROM usage_windows WHERE account_id = ANY(ids) AND ends_at > since;
  SELECT json_agg(json_build_array(account_id, (extract(epoch FROM window_start) * 1000)::bigint, rate,
      (extract(epoch FROM window_end) * 1000)::bigint, subscription_id, plan, amount_cents, per_units, currency, units))
    INTO found_overages FROM usage_overage WHERE account_id = ANY(ids) AND window_end > since;
  IF cardinality(keys) > 0 THEN
    SELECT json_agg(json_build_array(key, (extract(epoch FROM at) * 1000)::bigint, quantity, reversed)) INTO found_events
      FROM usage_event_ids WHERE key = ANY(keys);
  END IF;
  SELECT json_agg(json_build_array(account_id, included, limit_kind, ceiling)) INTO found_allowances
    FROM usage_allowances WHERE account_id = ANY(ids);
  IF cardinality(held) > 0 THEN
    SELECT json_agg(json_build_array(id, account_id, (extract(epoch FROM window_start) * 1000)::bigint, quantity,
        usage_reservations.held, overage, uncovered, rate, status, event_id, used,
        (extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM expires_at) * 1000)::bigint))
      INTO found_reservations FROM usage_reservations WHERE id = ANY(usage_read.held);
  END IF;
  SELECT json_agg(json_build_array(account_id, (extract(epoch FROM window_start) * 1000)::bigint, beyond)) INTO found_beyond
    FROM (
      SELECT account_id, window_start, sum(overage + uncovered)::bigint AS beyond FROM usage_reservations
      WHERE account_id = ANY(ids) AND status = 'live' AND overage + uncovered > 0 AND expires_at > now
      GROUP BY account_id, window_start
    ) AS live;
  RETURN json_build_object('windows', found_windows, 'events', found_events, 'allowances', found_allowances,
    'reservations', found_reservations, 'beyond', found_beyond, 'overages', found_overages);
END $$;

-- Writes what a batch came to.
CREATE FUNCTION usage_write(events json, ids json, reversed json, windows json, overages json, reservations json) RETURNS void
  LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO usage_windows (account_id, starts_at, ends_at, subscription_id, plan, limit_kind, included, ceiling, events, recorded,
      covered, overage, uncovered, lapsed, last_at, warned, created_at, updated_at)
    SELECT * FROM json_to_recordset(windows) AS written (account_id text, starts_at timestamptz, ends_at timestamptz,
      subscription_id text, plan text, limit_kind text, included bigint, ceiling bigint, events bigint, recorded bigint,
      covered bigint, overage bigint, uncovered bigint, lapsed bigint, last_at timestamptz, warned integer, created_at timestamptz,
      updated_at timestamptz)
    ON CONFLICT (account_id, starts_at) DO UPDATE SET ends_at = excluded.ends_at, subscription_id = excluded.subscription_id,
      plan = excluded.plan, limit_kind = excluded.limit_kind, included = excluded.included, ceiling = excluded.ceiling,
      events = excluded.events, recorded = excluded.recorded, covered = excluded.covered, overage = excluded.overage,
      uncovered = excluded.uncovered, lapsed = excluded.lapsed, last_at = excluded.last_at, warned = excluded.warned,
      updated_at = excluded.updated_at;
  IF json_array_length(ids) > 0 THEN
    INSERT INTO usage_event_ids (key, received_at, at, quantity)
      SELECT * FROM json_to_recordset(ids) AS written (key uuid, received_at timestamptz, at timestamptz, quantity bigint);
    INSERT INTO usage_events (id, account_id, at, received_at, quantity, covered, overage, uncovered, lapsed, rate, operation,
        reverses, method, route, duration_ms, status, properties)
      SELECT * FROM json_to_recordset(events) AS written (id text, account_id text, at timestamptz, received_at timestamptz,
        quantity bigint, covered bigint, overage bigint, uncovered bigint, lapsed bigint, rate text, operation text, reverses text,
        method text, route text, duration_ms integer, status integer, properties jsonb);
  END IF;
  IF json_array_length(reversed) > 0 THEN
    UPDATE usage_event_ids SET reversed = usage_event_ids.reversed + written.amount
      FROM json_to_recordset(usage_write.reversed) AS written (key uuid, amount bigint)
      WHERE usage_event_ids.key = written.key;
  END IF;
  IF json_array_length(overages) > 0 THEN
    INSERT INTO usage_overage (account_id, window_start, rate, window_end, subscription_id, plan, amount_cents, per_units, currency,
        units, created_at, updated_at)
      SELECT *, updated_at FROM json_to_recordset(overages) AS written (account_id text, window_start timestamptz, rate text,
        window_end timestamptz, subscription_id text, plan text, amount_cents bigint, per_units bigint, currency text, units bigint,
        updated_at timestamptz)
      ON CONFLICT (account_id, window_start, rate) DO UPDATE SET window_end = excluded.window_end,
        subscription_id = excluded.subscription_id, units = excluded.units, updated_at = excluded.updated_at;
  END IF;
  IF json_array_length(reservations) > 0 THEN
    INSERT INTO usage_reservations (id, account_id, window_start, quantity, held, overage, uncovered, rate, status, event_id, used,
        created_at, expires_at)
      SELECT * FROM json_to_recordset(reservations) AS written (id text, account_id text, window_start timestamptz, quantity bigint,
        held bigint, overage bigint, uncovered bigint, rate text, status text, event_id text, used bigint, created_at timestamptz,
        expires_at timestamptz)
      ON CONFLICT (id) DO UPDATE SET status = excluded.status, event_id = excluded.event_id, used = excluded.used;
  END IF;
END $$;
