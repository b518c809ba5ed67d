-- Lists of invoices and payments, the newest first: everybody's, and one customer's.
CREATE INDEX stripe_objects_newest ON stripe_objects (type, ((data ->> 'created')::bigint) DESC, id DESC)
  WHERE type IN ('invoice', 'charge');
CREATE INDEX stripe_objects_customer ON stripe_objects ((data ->> 'customer'), type, ((data ->> 'created')::bigint) DESC, id DESC)
  WHERE type IN ('invoice', 'charge');
