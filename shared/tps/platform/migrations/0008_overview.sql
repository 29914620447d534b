-- What the platform operator's overview reads (F3).

-- What each block of plans adds up to, written with it and never changed: what still holds whole needs no look into the
-- block. `announced`: of that what was planned where nothing was planned before; NULL: all of it.
CREATE TABLE plan_total (
    block_id    text PRIMARY KEY,
    operator    text NOT NULL,
    dso         text,                   -- in whose grid the assets were then
    asset_count integer NOT NULL,
    minutes     bigint NOT NULL,        -- of all its plans together
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    total       json NOT NULL,
    announced   json
);
CREATE INDEX plan_total_period ON plan_total (operator, ends_at);

-- How often there was news, raised once it can be read.
CREATE SEQUENCE news_of_plans MINVALUE 0 START 0;
CREATE SEQUENCE news_of_limits MINVALUE 0 START 0;
CREATE SEQUENCE news_of_deliveries MINVALUE 0 START 0;
CREATE SEQUENCE news_of_registry MINVALUE 0 START 0;
DO $$ BEGIN
    PERFORM nextval(name::regclass)
       FROM unnest(ARRAY['news_of_plans', 'news_of_limits', 'news_of_deliveries', 'news_of_registry']) AS name;
END $$;

CREATE INDEX limit_revision_in_time ON limit_revision (ends_at, starts_at) WHERE is_latest;
