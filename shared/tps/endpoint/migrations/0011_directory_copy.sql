-- Synchronisation of a group's copy of the directory, and the time to live of its entries.
ALTER TABLE directory_entry ADD COLUMN ttl_s double precision;  -- from the directory; NULL: the deployment's setting

-- One row per own component: each sees its own part of the directory. A pulling process postpones `due_at`,
-- so that one process at a time pulls.
CREATE TABLE directory_pull (
    component       text PRIMARY KEY REFERENCES component ON DELETE CASCADE,
    content_id      bigint,                      -- content id of the last answer; NULL: none yet
    codes           text[] NOT NULL DEFAULT '{}',
    synchronised_at timestamptz,
    due_at          timestamptz NOT NULL,
    failures        integer NOT NULL DEFAULT 0   -- since the last answer
);
