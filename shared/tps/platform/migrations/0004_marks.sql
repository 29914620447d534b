-- Marks that one function leaves for another function's next tick. The transaction of their cause writes them.

-- Assets with a new operator. The limits that bind them are divided again between the two operators.
CREATE TABLE handed_over (
    asset_id text PRIMARY KEY,
    at       timestamptz NOT NULL
);

-- Changes of plans as the assets' DSOs see them. They are merged per window and sent.
CREATE TABLE plan_change (
    asset_id   text NOT NULL,
    starts_at  timestamptz NOT NULL,   -- '-infinity' and 'infinity' for the whole plan
    ends_at    timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX plan_change_due ON plan_change (changed_at);
