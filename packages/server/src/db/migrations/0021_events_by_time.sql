-- Comparing hours with their events asks for those of a day, of all accounts. Events arrive nearly in their order, so that an index of
-- ranges of pages finds a day, and costs next to nothing when they are written.
CREATE INDEX usage_events_at ON usage_events USING brin (at) WITH (autosummarize = on);
