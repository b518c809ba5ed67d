-- The licensing engine: what a licence says over its plan, when its term begins, machines that are one only within a product,
-- requests for another machine, links to an owner, keys that sign, and the files they signed.

-- Over the plan: parts of its policy, further features, other limits.
ALTER TABLE licenses ADD COLUMN overrides jsonb NOT NULL DEFAULT '{}';
-- The term of some plans begins with the first use. Until then it is named here and the licence has no end.
ALTER TABLE licenses ADD COLUMN term_begins_with text CHECK (term_begins_with IN ('first_validation', 'first_activation'));

-- Within what a fingerprint may be live once: the licence's id, a plan or a product.
ALTER TABLE activations ADD COLUMN uniqueness text;
UPDATE activations SET uniqueness = license_id;
ALTER TABLE activations ALTER COLUMN uniqueness SET NOT NULL;
ALTER TABLE activations ADD COLUMN released_by text
  CHECK (released_by IN ('key_holder', 'owner', 'vendor', 'transfer', 'reactivation'));
DROP INDEX activations_live;
CREATE UNIQUE INDEX activations_live ON activations (uniqueness, fingerprint) WHERE released_at IS NULL;
CREATE INDEX activations_owner_releases ON activations (license_id, released_at) WHERE released_by = 'owner';

-- A machine that was refused because all seats are taken, and that the vendor may let in.
CREATE TABLE reactivation_requests (
  id text PRIMARY KEY,
  license_id text NOT NULL REFERENCES licenses (id),
  fingerprint text NOT NULL,
  name text,
  components jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL CHECK (status IN ('pending', 'approved', 'denied')),
  reason text,
  created_at timestamptz NOT NULL,
  decided_at timestamptz,
  decided_by text
);
CREATE UNIQUE INDEX reactivation_requests_pending ON reactivation_requests (license_id, fingerprint) WHERE status = 'pending';
CREATE INDEX reactivation_requests_newest ON reactivation_requests (created_at DESC, id DESC);

-- Links that were mailed to the owner of an address. The link's secret is derived from the id, and stored nowhere.
CREATE TABLE owner_links (
  id text PRIMARY KEY,
  purpose text NOT NULL CHECK (purpose IN ('machine_release')),
  email text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX owner_links_age ON owner_links (expires_at);

-- Ed25519 keys; the id is the beginning of the SHA-256 of the public key. One signs; retired ones still verify.
CREATE TABLE signing_keys (
  id text PRIMARY KEY,
  public_key bytea NOT NULL,
  private_ciphertext bytea NOT NULL,
  private_secret_id text NOT NULL,
  status text NOT NULL CHECK (status IN ('active', 'retired', 'revoked')),
  created_at timestamptz NOT NULL,
  retired_at timestamptz,
  revoked_at timestamptz
);
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (status) WHERE status = 'active';

-- Which files are out there: who holds one works offline until it ends, unless the revocation list names its licence.
CREATE TABLE license_files (
  id text PRIMARY KEY,
  license_id text NOT NULL REFERENCES licenses (id),
  signing_key_id text NOT NULL REFERENCES signing_keys (id),
  kind text NOT NULL CHECK (kind IN ('license', 'machine')),
  fingerprint text,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz
);
CREATE INDEX license_files_license ON license_files (license_id);

-- What was paid once is found again by the payment when it is refunded or disputed.
ALTER TABLE checkouts ADD COLUMN stripe_payment_intent_id text;
CREATE INDEX checkouts_payment_intent ON checkouts (stripe_payment_intent_id) WHERE stripe_payment_intent_id IS NOT NULL;
