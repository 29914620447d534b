-- What one function of the platform leaves for another to find on its next tick, written with what caused it.

-- Assets that another operator holds now than before: limits that bind them are divided anew between the two.
CREATE TABLE handed_over (
    asset_id text PRIMARY KEY,
    at       timestamptz NOT NULL
);

-- Where an asset's plan, as its DSO sees it, is another one than before; merged per window and sent.
CREATE TABLE plan_change (
    asset_id   text NOT NULL,
    starts_at  timestamptz NOT NULL,   -- '-infinity' and 'infinity' for all of its plan
    ends_at    timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX plan_change_due ON plan_change (changed_at);
