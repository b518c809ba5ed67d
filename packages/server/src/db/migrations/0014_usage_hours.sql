-- What events of use come to in each hour, by account and route: written with the events, in their transaction, so that the sums of both
-- are the same at any moment. Events without a route or method are of the empty one.
CREATE TABLE usage_hours (
  account_id text NOT NULL,
  hour timestamptz NOT NULL,
  method text NOT NULL,
  route text NOT NULL,
  -- Corrections change the quantities of the hour that they correct, and are no events of it.
  events bigint NOT NULL CHECK (events >= 0),
  -- As many of them as ended in an error of the vendor's server.
  failed bigint NOT NULL CHECK (failed >= 0),
  quantity bigint NOT NULL,
  covered bigint NOT NULL,
  overage bigint NOT NULL,
  uncovered bigint NOT NULL,
  -- The greatest quantity of one event, and that of the last one: for meters that are not added up.
  peak bigint NOT NULL,
  last_quantity bigint NOT NULL,
  last_at timestamptz,
  duration_ms bigint NOT NULL,
  -- How many events took how long, by the number of the bucket.
  durations jsonb NOT NULL,
  PRIMARY KEY (account_id, hour, method, route)
) WITH (fillfactor = 70);
CREATE INDEX usage_hours_hour ON usage_hours (hour);

CREATE FUNCTION usage_add_durations(one jsonb, other jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN other = '{}' THEN one WHEN one = '{}' THEN other ELSE (
    SELECT jsonb_object_agg(key, count) FROM (
      SELECT key, sum(value::bigint)::bigint AS count
      FROM (SELECT * FROM jsonb_each_text(one) UNION ALL SELECT * FROM jsonb_each_text(other)) AS both_of_them
      GROUP BY key
    ) AS added
  ) END
$$;

-- The bucket of a duration: sixteen for each doubling, one for each millisecond below 32.
CREATE FUNCTION usage_duration_bucket(ms integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT shift * 16 + (greatest(ms, 0) >> shift)
  FROM (SELECT greatest(0, length(ltrim(greatest(ms, 0)::bit(32)::text, '0')) - 5) AS shift) AS found
$$;

-- Adds what a batch of events came to.
CREATE FUNCTION usage_roll_up(hours json) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO usage_hours AS held (account_id, hour, method, route, events, failed, quantity, covered, overage, uncovered, peak,
      last_quantity, last_at, duration_ms, durations)
    SELECT * FROM json_to_recordset(hours) AS written (account_id text, hour timestamptz, method text, route text, events bigint,
      failed bigint, quantity bigint, covered bigint, overage bigint, uncovered bigint, peak bigint, last_quantity bigint,
      last_at timestamptz, duration_ms bigint, durations jsonb)
    ON CONFLICT (account_id, hour, method, route) DO UPDATE SET events = held.events + excluded.events,
      failed = held.failed + excluded.failed, quantity = held.quantity + excluded.quantity,
      covered = held.covered + excluded.covered, overage = held.overage + excluded.overage,
      uncovered = held.uncovered + excluded.uncovered, peak = greatest(held.peak, excluded.peak),
      last_quantity = CASE WHEN held.last_at IS NULL OR excluded.last_at >= held.last_at
        THEN excluded.last_quantity ELSE held.last_quantity END,
      last_at = greatest(held.last_at, excluded.last_at), duration_ms = held.duration_ms + excluded.duration_ms,
      durations = usage_add_durations(held.durations, excluded.durations);
END $$;
