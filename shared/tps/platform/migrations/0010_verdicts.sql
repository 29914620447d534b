-- Conflicts as they were found, for the platform operator's overview (F3).

-- How often an operator's plans, or what it registered of its assets, have changed.
CREATE TABLE operator_input (
    operator text PRIMARY KEY,
    changes  bigint NOT NULL
);

-- How an operator's plans go with its part of a limit, in a stretch of the limit's time: a memo of what can be found
-- again. It holds while revision, part_digest and changes are what they were when it was found.
-- A change to how conflicts are found empties this table.
CREATE TABLE conflict_verdict (
    dso         text NOT NULL,
    limit_id    text NOT NULL,
    operator    text NOT NULL,
    start_s     bigint NOT NULL,        -- seconds since 1970
    end_s       bigint NOT NULL,
    revision    integer NOT NULL,
    part_digest bytea NOT NULL,
    changes     bigint NOT NULL,
    is_certain  boolean,                -- NULL, as the rest: there is no conflict
    size        numeric,                -- the worst first: watt-seconds of excess, or watts that are not known
    conflict    json,
    goes_at     timestamptz NOT NULL,
    PRIMARY KEY (dso, limit_id, operator, start_s, end_s)
);
CREATE INDEX conflict_verdict_goes ON conflict_verdict (goes_at);

-- The news up to which verdicts were found ahead of whoever asks.
CREATE TABLE judged_news (
    is_only  boolean PRIMARY KEY CHECK (is_only),
    plans    bigint NOT NULL,
    limits   bigint NOT NULL,
    registry bigint NOT NULL
);
