-- What was planned first for a time where something else, or nothing, is planned now (F3). Where no row speaks of a time,
-- what stands in plan_piece was planned first. No two of one owner and asset overlap.
CREATE TABLE announced_piece (
    asset_id    text NOT NULL,
    owner       text NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    block_id    text NOT NULL,
    PRIMARY KEY (asset_id, owner, ends_at)
);
