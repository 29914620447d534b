-- The first plans for times that have another plan, or none, now (F3). For times without a row here, the plan in
-- plan_piece was the first. Rows of one owner and asset never overlap.
CREATE TABLE announced_piece (
    asset_id    text NOT NULL,
    owner       text NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    block_id    text NOT NULL,
    PRIMARY KEY (asset_id, owner, ends_at)
);
