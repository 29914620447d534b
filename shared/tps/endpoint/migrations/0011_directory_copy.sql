-- How a group's copy of the directory is kept up, and how long it may be believed.
ALTER TABLE directory_entry ADD COLUMN ttl_s double precision;  -- as the directory told; NULL: as this deployment is set

-- One per own component: each sees its own part of the directory. Whoever pulls puts off `due_at`, so that one does at a time.
CREATE TABLE directory_pull (
    component       text PRIMARY KEY REFERENCES component ON DELETE CASCADE,
    content_id      bigint,                      -- of what it saw last; NULL: nothing yet
    codes           text[] NOT NULL DEFAULT '{}',
    synchronised_at timestamptz,
    due_at          timestamptz NOT NULL,
    failures        integer NOT NULL DEFAULT 0   -- since it last saw it
);
