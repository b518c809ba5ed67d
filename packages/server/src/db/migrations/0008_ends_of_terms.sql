-- Licences whose own term ends, by when it does: their owners are told before.
CREATE INDEX licenses_term_end ON licenses (expires_at, id) WHERE subscription_id IS NULL AND coverage = 'term';
