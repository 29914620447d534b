-- A DSO's own limits as it sent them, every revision, and what became of each. A refused one frees its number.
CREATE TABLE own_limit (
    party           text NOT NULL,
    message_id      text NOT NULL,
    limit_id        text NOT NULL,
    revision        integer NOT NULL,
    kind            text NOT NULL,
    status          text NOT NULL,                      -- what it makes of the limit: active, ended, cancelled, withdrawn
    answer          text NOT NULL DEFAULT 'pending',    -- the platform's: accepted, partly_accepted, refused
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    sent_at         timestamptz NOT NULL,
    body            json NOT NULL,      -- of the REST contract; `asset_ids` as resolved
    told            json NOT NULL,      -- further fields of the answer: what was resolved, warnings
    rejected        jsonb NOT NULL DEFAULT '[]',
    all_reached_at  timestamptz,
    unreached_ids   text[] NOT NULL DEFAULT '{}',
    notices         jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (party, message_id)
);
CREATE INDEX own_limit_by_id ON own_limit (party, limit_id, revision);
CREATE INDEX own_limit_period ON own_limit (party, starts_at, ends_at);
