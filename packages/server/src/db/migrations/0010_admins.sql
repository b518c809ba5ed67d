-- Since when somebody who signs in is one of the vendor's people.
ALTER TABLE auth_users ADD COLUMN admin_since timestamptz;
