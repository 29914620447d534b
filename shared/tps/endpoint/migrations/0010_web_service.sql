-- What the MADES web service of an endpoint needs: credentials, and which messages its applications have confirmed.
ALTER TABLE component ADD COLUMN password_hash text;

ALTER TABLE message
    ADD COLUMN sender_application text,
    ADD COLUMN by_application boolean NOT NULL DEFAULT false,  -- out: by the web service, so its answers are offered there
    ADD COLUMN confirmed_at   timestamptz;                     -- in: by the web service
CREATE INDEX message_unconfirmed ON message (component, created_at, message_id)
    WHERE direction = 'in' AND confirmed_at IS NULL;
