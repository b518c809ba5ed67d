-- How many of a plan are subscribed to or bought, such as seats. What Stripe has of a subscription is written when it is next heard of.
ALTER TABLE subscriptions ADD COLUMN quantity integer NOT NULL DEFAULT 1 CHECK (quantity >= 0);
ALTER TABLE checkouts ADD COLUMN quantity integer NOT NULL DEFAULT 1 CHECK (quantity >= 1);
