-- The life of a limit after its first revision.

ALTER TABLE limit_revision
    ADD COLUMN is_latest  boolean NOT NULL DEFAULT true,
    ADD COLUMN is_relayed boolean NOT NULL DEFAULT false;   -- the messages to its operators are decided
UPDATE limit_revision SET is_relayed = true;
CREATE UNIQUE INDEX limit_revision_latest ON limit_revision (dso, limit_id) WHERE is_latest;

ALTER TABLE limit_part
    ADD COLUMN status     text NOT NULL DEFAULT 'active',   -- as sent to the operator; `cancelled` if not concerned
    ADD COLUMN generation integer NOT NULL DEFAULT 0,       -- a returning operator gets a new id
    ADD COLUMN digest     bytea NOT NULL DEFAULT '',        -- digest of the content sent, to detect unchanged content
    ADD COLUMN message_id text NOT NULL DEFAULT '';         -- message to the operator, possibly for an earlier revision

CREATE INDEX limit_asset_by_id ON limit_asset (asset_id);

-- Notices to send about the latest revision of a limit, and when to check for them.
CREATE TABLE limit_watch (
    dso      text NOT NULL,
    limit_id text NOT NULL,
    revision integer NOT NULL,
    what     text NOT NULL,     -- expires, expired, reached, unreached
    due_at   timestamptz NOT NULL,
    PRIMARY KEY (dso, limit_id, what)
);
CREATE INDEX limit_watch_due ON limit_watch (due_at);
