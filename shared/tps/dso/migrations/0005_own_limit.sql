-- A DSO's own limits as sent, every revision, with its outcome. A refused revision frees its number.
CREATE TABLE own_limit (
    party           text NOT NULL,
    message_id      text NOT NULL,
    limit_id        text NOT NULL,
    revision        integer NOT NULL,
    kind            text NOT NULL,
    status          text NOT NULL,                      -- this revision makes it active, ended, cancelled or withdrawn
    answer          text NOT NULL DEFAULT 'pending',    -- of the platform: accepted, partly_accepted, refused
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    sent_at         timestamptz NOT NULL,
    body            json NOT NULL,      -- form of the REST contract, with resolved `asset_ids`
    told            json NOT NULL,      -- further fields of the answer: resolved ids, warnings
    rejected        jsonb NOT NULL DEFAULT '[]',
    all_reached_at  timestamptz,
    unreached_ids   text[] NOT NULL DEFAULT '{}',
    notices         jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (party, message_id)
);
CREATE INDEX own_limit_by_id ON own_limit (party, limit_id, revision);
CREATE INDEX own_limit_period ON own_limit (party, starts_at, ends_at);
