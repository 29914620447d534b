-- Accepted limits, with the values that were frozen at acceptance.

CREATE TABLE limit_revision (
    dso         text NOT NULL,
    limit_id    text NOT NULL,
    revision    integer NOT NULL,
    kind        text NOT NULL,
    direction   text NOT NULL,
    action      text,
    status      text NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL,
    available   jsonb NOT NULL,        -- [[start, end, kW as text]...], empty for emergencies
    reason_code text NOT NULL,
    reason_text text,
    message_id  text NOT NULL,
    PRIMARY KEY (dso, limit_id, revision)
);
CREATE INDEX limit_revision_period ON limit_revision (dso, starts_at, ends_at);

CREATE TABLE limit_asset (
    dso       text NOT NULL,
    limit_id  text NOT NULL,
    revision  integer NOT NULL,
    asset_id  text NOT NULL,
    operator  text NOT NULL,
    weight_kw numeric(13, 3) NOT NULL,
    PRIMARY KEY (dso, limit_id, revision, asset_id),
    FOREIGN KEY (dso, limit_id, revision) REFERENCES limit_revision
);

CREATE TABLE limit_part (
    dso           text NOT NULL,
    limit_id      text NOT NULL,
    revision      integer NOT NULL,
    operator      text NOT NULL,
    sent_limit_id text NOT NULL,       -- the id under which the operator knows the limit
    sent_revision integer NOT NULL,
    weight_kw     numeric(13, 3) NOT NULL,
    parts_kw      numeric(13, 3)[] NOT NULL,
    PRIMARY KEY (dso, limit_id, revision, operator),
    FOREIGN KEY (dso, limit_id, revision) REFERENCES limit_revision
);
