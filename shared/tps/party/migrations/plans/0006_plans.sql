-- Plans in force: of the platform by operator, of a DSO's backend by DSO. An index; the power lies in blocks.

-- Which block tells the power of an asset in an interval. No two of one owner and asset overlap.
CREATE TABLE plan_piece (
    asset_id    text NOT NULL,
    owner       text NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    rank        bigint NOT NULL,        -- of two over the same time the higher one holds
    block_id    text,                   -- NULL: no plan, and what comes late of a lower rank makes none
    document_id text NOT NULL,
    PRIMARY KEY (asset_id, owner, ends_at)
);

-- A block lies here first, deflated, until a copy was found whole in the document store.
CREATE TABLE plan_block (
    id          text PRIMARY KEY,
    object_key  text NOT NULL,
    created_at  timestamptz NOT NULL,
    content     bytea,
    archived_at timestamptz
);
CREATE INDEX plan_block_kept ON plan_block (created_at, id) WHERE content IS NOT NULL;
