-- Schedules that an operator sent (F8b), every revision. The contents are in the documents.
CREATE TABLE own_schedule (
    party         text NOT NULL,
    document_id   text NOT NULL,
    revision      integer NOT NULL,
    message_id    text NOT NULL,
    sent_at       timestamptz NOT NULL,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    asset_ids     text[] NOT NULL,   -- assets of all series, sorted: the first asset is series 1
    cancelled_ids text[] NOT NULL,   -- assets whose series are cancelled
    left_out      jsonb NOT NULL,    -- [{asset_id, code, detail}...]: assets that the document leaves out
    PRIMARY KEY (party, document_id, revision)
);
CREATE UNIQUE INDEX own_schedule_message ON own_schedule (party, message_id);
CREATE INDEX own_schedule_period ON own_schedule (party, ends_at);
