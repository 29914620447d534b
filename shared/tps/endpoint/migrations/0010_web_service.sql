-- For the MADES web service of an endpoint: credentials, and which messages its applications have confirmed.
ALTER TABLE component ADD COLUMN password_hash text;

ALTER TABLE message
    ADD COLUMN sender_application text,
    ADD COLUMN by_application boolean NOT NULL DEFAULT false,  -- out: sent by the web service, which also offers the answers
    ADD COLUMN confirmed_at   timestamptz;                     -- in: confirmed by the web service
CREATE INDEX message_unconfirmed ON message (component, created_at, message_id)
    WHERE direction = 'in' AND confirmed_at IS NULL;
