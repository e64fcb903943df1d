-- The mailbox in which a parked message waits for a connection; nothing for the others.
ALTER TABLE outbox ADD COLUMN mailbox TEXT;
DROP INDEX outbox_by_address;
CREATE INDEX outbox_parked_by_age ON outbox (mailbox, created_at) WHERE mailbox IS NOT NULL;
-- For connections that may see only ids with a prefix.
CREATE INDEX outbox_parked_by_id ON outbox (mailbox, id) WHERE mailbox IS NOT NULL;
