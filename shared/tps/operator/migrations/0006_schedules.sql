-- Schedules an operator has sent (F8b), every revision; their contents lie in the documents.
CREATE TABLE own_schedule (
    party         text NOT NULL,
    document_id   text NOT NULL,
    revision      integer NOT NULL,
    message_id    text NOT NULL,
    sent_at       timestamptz NOT NULL,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    asset_ids     text[] NOT NULL,   -- of all series, sorted: the first is series 1
    cancelled_ids text[] NOT NULL,   -- of those that are cancelled
    left_out      jsonb NOT NULL,    -- [{asset_id, code, detail}...]: what could not be written
    PRIMARY KEY (party, document_id, revision)
);
CREATE UNIQUE INDEX own_schedule_message ON own_schedule (party, message_id);
CREATE INDEX own_schedule_period ON own_schedule (party, ends_at);
