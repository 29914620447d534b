-- What becomes of a limit after its first revision.

ALTER TABLE limit_revision
    ADD COLUMN is_latest  boolean NOT NULL DEFAULT true,
    ADD COLUMN is_relayed boolean NOT NULL DEFAULT false;   -- its operators' messages are decided
UPDATE limit_revision SET is_relayed = true;
CREATE UNIQUE INDEX limit_revision_latest ON limit_revision (dso, limit_id) WHERE is_latest;

ALTER TABLE limit_part
    ADD COLUMN status     text NOT NULL DEFAULT 'active',   -- of what the operator was sent; `cancelled` if it is out
    ADD COLUMN generation integer NOT NULL DEFAULT 0,       -- an operator that comes back gets a new id
    ADD COLUMN digest     bytea NOT NULL DEFAULT '',        -- of what it was sent, to see what is unchanged
    ADD COLUMN message_id text NOT NULL DEFAULT '';         -- what it was sent by, maybe for an earlier revision

CREATE INDEX limit_asset_by_id ON limit_asset (asset_id);

-- What the DSO is to be told of the latest revision of a limit, and from when on to look.
CREATE TABLE limit_watch (
    dso      text NOT NULL,
    limit_id text NOT NULL,
    revision integer NOT NULL,
    what     text NOT NULL,     -- expires, expired, reached, unreached
    due_at   timestamptz NOT NULL,
    PRIMARY KEY (dso, limit_id, what)
);
CREATE INDEX limit_watch_due ON limit_watch (due_at);
