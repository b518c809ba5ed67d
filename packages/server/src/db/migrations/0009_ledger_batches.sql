-- Operations are looked up by an index that serves nothing else: between two that begin with the account, a plan that was made when the
-- journal was short took the one that reads all of an account.
ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_account_id_operation_key_leg_key;
CREATE UNIQUE INDEX ledger_transfers_operation ON ledger_transfers ((account_id || '/' || operation_key), leg);
DROP INDEX ledger_transfers_reversals;
CREATE INDEX ledger_transfers_reversals ON ledger_transfers ((account_id || '/' || subject)) WHERE kind = 'reversal';

-- A batch of the ledger in two calls. What they do is no decision: the first locks and reads, the second writes what was decided
-- between them. As functions their plans are made once for each connection. Their plans may outlive the size that a table had when
-- they were made, so they never read a whole one.

-- Locks accounts in the order of their ids and answers all that an operation on them needs to know. Every statement sees what was
-- committed before the locks were given.
CREATE FUNCTION ledger_lock(ids text[], whole text[], keys text[], reversed text[], held text[], until timestamptz) RETURNS json LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  found_accounts json;
  found_lots json;
  found_reservations json;
  found_transfers json;
BEGIN
  SELECT json_agg(json_build_array(id, granted, returned, available, reserved, used, expired, version)) INTO found_accounts
    FROM (SELECT * FROM ledger_accounts WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE) AS locked;
  SELECT json_agg(json_build_array(account_id, id, source, amount, remaining, reserved, used, expired, returned, priority,
      (extract(epoch FROM expires_at) * 1000)::bigint, period, number)) INTO found_lots
    FROM (
      SELECT * FROM ledger_lots WHERE account_id = ANY(ids) AND open
      UNION ALL
      SELECT * FROM ledger_lots WHERE account_id = ANY(whole) AND NOT open
    ) AS found;
  SELECT json_agg(json_build_array(account_id, id, amount, parts, (extract(epoch FROM expires_at) * 1000)::bigint, status,
      posted)) INTO found_reservations
    FROM (
      SELECT * FROM ledger_reservations WHERE account_id = ANY(ids) AND status = 'live' AND expires_at <= until
      UNION
      SELECT * FROM ledger_reservations WHERE id = ANY(held)
    ) AS found;
  SELECT json_agg(json_build_array(account_id, number, operation_key, leg, kind, from_bucket, to_bucket, amount, requested, parts,
      available_after, (extract(epoch FROM at) * 1000)::bigint, reason, subject) ORDER BY account_id, number)
    INTO found_transfers
    FROM (
      SELECT * FROM ledger_transfers WHERE account_id || '/' || operation_key = ANY(keys)
      UNION
      SELECT * FROM ledger_transfers WHERE kind = 'reversal' AND account_id || '/' || subject = ANY(reversed)
    ) AS found;
  RETURN json_build_object('accounts', found_accounts, 'lots', found_lots, 'reservations', found_reservations,
    'transfers', found_transfers);
END $$;

-- Writes what a batch came to.
CREATE FUNCTION ledger_write(accounts json, lots json, reservations json, journal json) RETURNS void
  LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  UPDATE ledger_accounts SET granted = written.granted, returned = written.returned, available = written.available,
      reserved = written.reserved, used = written.used, expired = written.expired, version = written.version
    FROM json_to_recordset(accounts) AS written (id text, granted bigint, returned bigint, available bigint, reserved bigint,
      used bigint, expired bigint, version bigint)
    WHERE ledger_accounts.id = written.id;
  INSERT INTO ledger_lots (account_id, id, source, amount, remaining, reserved, used, expired, returned, priority, expires_at,
      period, number)
    SELECT * FROM json_to_recordset(lots) AS written (account_id text, id text, source text, amount bigint, remaining bigint,
      reserved bigint, used bigint, expired bigint, returned bigint, priority integer, expires_at timestamptz, period text,
      number bigint)
    ON CONFLICT (account_id, id) DO UPDATE SET remaining = excluded.remaining, reserved = excluded.reserved,
      used = excluded.used, expired = excluded.expired, returned = excluded.returned, expires_at = excluded.expires_at;
  IF json_array_length(reservations) > 0 THEN
    INSERT INTO ledger_reservations (id, account_id, amount, parts, expires_at, status, posted)
      SELECT * FROM json_to_recordset(reservations) AS written (id text, account_id text, amount bigint, parts jsonb,
        expires_at timestamptz, status text, posted bigint)
      ON CONFLICT (id) DO UPDATE SET status = excluded.status, posted = excluded.posted;
  END IF;
  INSERT INTO ledger_transfers (account_id, number, operation_key, leg, kind, from_bucket, to_bucket, amount, requested, parts,
      available_after, at, reason, subject)
    SELECT * FROM json_to_recordset(journal) AS written (account_id text, number bigint, operation_key text, leg integer,
      kind text, from_bucket text, to_bucket text, amount bigint, requested bigint, parts jsonb, available_after bigint,
      at timestamptz, reason text, subject text);
END $$;

-- An account has lots, which keep it from being deleted; asking for it again with every row of the journal says nothing new.
ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_account_id_fkey;
