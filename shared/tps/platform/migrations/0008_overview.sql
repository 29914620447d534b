-- Data of the platform operator's overview (F3).

-- Totals of plan blocks, written with the block and never changed. A block that stands as a whole is not read.
-- `announced`: total of the plans for times that had no plan before. NULL: the whole block.
CREATE TABLE plan_total (
    block_id    text PRIMARY KEY,
    operator    text NOT NULL,
    dso         text,                   -- the grid of the assets at acceptance
    asset_count integer NOT NULL,
    minutes     bigint NOT NULL,        -- sum over all its plans
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    total       json NOT NULL,
    announced   json
);
CREATE INDEX plan_total_period ON plan_total (operator, ends_at);

-- Counts of news, raised after the news can be read.
CREATE SEQUENCE news_of_plans MINVALUE 0 START 0;
CREATE SEQUENCE news_of_limits MINVALUE 0 START 0;
CREATE SEQUENCE news_of_deliveries MINVALUE 0 START 0;
CREATE SEQUENCE news_of_registry MINVALUE 0 START 0;
DO $$ BEGIN
    PERFORM nextval(name::regclass)
       FROM unnest(ARRAY['news_of_plans', 'news_of_limits', 'news_of_deliveries', 'news_of_registry']) AS name;
END $$;

CREATE INDEX limit_revision_in_time ON limit_revision (ends_at, starts_at) WHERE is_latest;
