-- Plans in force: per operator at the platform, per DSO in a DSO's backend. This is an index: the power is in blocks.

-- The block that holds the power of an asset in an interval. Rows of one owner and asset never overlap.
CREATE TABLE plan_piece (
    asset_id    text NOT NULL,
    owner       text NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    rank        bigint NOT NULL,        -- of overlapping pieces, the higher rank counts
    block_id    text,                   -- NULL: no plan, and a late piece of a lower rank makes none
    document_id text NOT NULL,
    PRIMARY KEY (asset_id, owner, ends_at)
);

-- A block is stored here first, deflated, until the document store has an undamaged copy.
CREATE TABLE plan_block (
    id          text PRIMARY KEY,
    object_key  text NOT NULL,
    created_at  timestamptz NOT NULL,
    content     bytea,
    archived_at timestamptz
);
CREATE INDEX plan_block_kept ON plan_block (created_at, id) WHERE content IS NOT NULL;
