-- How long events took is appended to their hour, and put into its buckets only once enough of it is there: adding to buckets takes a
-- hundred times as long as appending, and was most of what recording an event cost.
ALTER TABLE usage_hours ADD COLUMN recent smallint[] NOT NULL DEFAULT '{}';

-- All durations of an hour by bucket, those that wait too.
CREATE FUNCTION usage_durations(durations jsonb, recent smallint[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN recent = '{}' THEN durations ELSE (
    SELECT jsonb_object_agg(bucket, count) FROM (
      SELECT bucket, sum(count)::bigint AS count
      FROM (
        SELECT key AS bucket, value::bigint AS count FROM jsonb_each_text(durations)
        UNION ALL
        SELECT number::text, count(*) FROM unnest(recent) AS number GROUP BY number
      ) AS both_of_them
      GROUP BY bucket
    ) AS added
  ) END
$$;

-- Adds what a batch of events came to.
CREATE OR REPLACE FUNCTION usage_roll_up(hours json) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO usage_hours AS held (account_id, hour, method, route, events, failed, quantity, covered, overage, uncovered, peak,
      last_quantity, last_at, duration_ms, recent, durations)
    SELECT *, '{}' FROM json_to_recordset(hours) AS written (account_id text, hour timestamptz, method text, route text, events bigint,
      failed bigint, quantity bigint, covered bigint, overage bigint, uncovered bigint, peak bigint, last_quantity bigint,
      last_at timestamptz, duration_ms bigint, recent smallint[])
    ON CONFLICT (account_id, hour, method, route) DO UPDATE SET events = held.events + excluded.events,
      failed = held.failed + excluded.failed, quantity = held.quantity + excluded.quantity,
      covered = held.covered + excluded.covered, overage = held.overage + excluded.overage,
      uncovered = held.uncovered + excluded.uncovered, peak = greatest(held.peak, excluded.peak),
      last_quantity = CASE WHEN held.last_at IS NULL OR excluded.last_at >= held.last_at
        THEN excluded.last_quantity ELSE held.last_quantity END,
      last_at = greatest(held.last_at, excluded.last_at), duration_ms = held.duration_ms + excluded.duration_ms,
      durations = CASE WHEN cardinality(held.recent) + cardinality(excluded.recent) > 256
        THEN usage_durations(held.durations, held.recent || excluded.recent) ELSE held.durations END,
      recent = CASE WHEN cardinality(held.recent) + cardinality(excluded.recent) > 256
        THEN '{}' ELSE held.recent || excluded.recent END;
END $$;
DROP FUNCTION usage_add_durations;
