-- Where a list is empty, or short, a plan made for this one call looks cheaper than one that serves all, and was made anew each time: in
-- ledger_lock that was more than half of what the call cost. What these functions ask is answered by the same indexes whatever the lists
-- hold.
ALTER FUNCTION ledger_lock SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION ledger_write SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION usage_read SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION usage_write SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION usage_roll_up SET plan_cache_mode = force_generic_plan;

-- A column that is the same in all events of a batch is given once. Elements are picked by their place: laying a list of each column beside
-- the others took longer.
CREATE OR REPLACE FUNCTION usage_write_events(accounts text[], received bigint, account integer[], keys uuid[], ids text[],
  happened bigint[], quantities bigint[], covereds bigint[], overages bigint[], uncovereds bigint[], lapseds bigint[], rates text[],
  operations text[], reverseds text[], methods text[], routes text[], durations integer[], statuses integer[], details text[])
  RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  epoch CONSTANT timestamptz := 'epoch';
  arrival CONSTANT timestamptz := epoch + received * interval '1 millisecond';
BEGIN
  INSERT INTO usage_event_ids (key, received_at, at, quantity)
    SELECT keys[i], arrival, epoch + happened[least(i, cardinality(happened))] * interval '1 millisecond',
      quantities[least(i, cardinality(quantities))]
    FROM generate_series(1, cardinality(keys)) AS i;
  INSERT INTO usage_events (id, account_id, at, received_at, quantity, covered, overage, uncovered, lapsed, rate, operation,
      reverses, method, route, duration_ms, status, properties)
    SELECT ids[least(i, cardinality(ids))], accounts[account[least(i, cardinality(account))]],
      epoch + happened[least(i, cardinality(happened))] * interval '1 millisecond', arrival,
      quantities[least(i, cardinality(quantities))], covereds[least(i, cardinality(covereds))],
      overages[least(i, cardinality(overages))], uncovereds[least(i, cardinality(uncovereds))],
      lapseds[least(i, cardinality(lapseds))], rates[least(i, cardinality(rates))], operations[least(i, cardinality(operations))],
      reverseds[least(i, cardinality(reverseds))], methods[least(i, cardinality(methods))], routes[least(i, cardinality(routes))],
      durations[least(i, cardinality(durations))], statuses[least(i, cardinality(statuses))],
      details[least(i, cardinality(details))]::jsonb
    FROM generate_series(1, cardinality(keys)) AS i;
END $$;
