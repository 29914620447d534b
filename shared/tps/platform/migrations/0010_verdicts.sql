-- Verdicts on conflicts, for the platform operator's overview (F3).

-- Number of changes of an operator's plans and registered assets.
CREATE TABLE operator_input (
    operator text PRIMARY KEY,
    changes  bigint NOT NULL
);

-- The verdict on an operator's plans and its part of a limit, in a stretch of the limit's time: a cache. It holds while
-- revision, part_digest and changes are unchanged.
-- A change of the rules for conflicts must empty this table.
CREATE TABLE conflict_verdict (
    dso         text NOT NULL,
    limit_id    text NOT NULL,
    operator    text NOT NULL,
    start_s     bigint NOT NULL,        -- seconds since 1970
    end_s       bigint NOT NULL,
    revision    integer NOT NULL,
    part_digest bytea NOT NULL,
    changes     bigint NOT NULL,
    is_certain  boolean,                -- NULL, like size and conflict: there is no conflict
    size        numeric,                -- the largest is the worst: watt-seconds of excess, or watts that are not known
    conflict    json,
    goes_at     timestamptz NOT NULL,
    PRIMARY KEY (dso, limit_id, operator, start_s, end_s)
);
CREATE INDEX conflict_verdict_goes ON conflict_verdict (goes_at);

-- The news up to which verdicts were found ahead of readers.
CREATE TABLE judged_news (
    is_only  boolean PRIMARY KEY CHECK (is_only),
    plans    bigint NOT NULL,
    limits   bigint NOT NULL,
    registry bigint NOT NULL
);
