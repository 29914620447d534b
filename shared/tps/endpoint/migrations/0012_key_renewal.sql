-- New keys of own components, wrapped by the group's key, until their certificates arrive.
-- A repeated request with the same keys gets the same certificates.
CREATE TABLE key_renewal (
    component      text PRIMARY KEY REFERENCES component ON DELETE CASCADE,
    authentication bytea NOT NULL,
    encryption     bytea NOT NULL,
    signing        bytea NOT NULL,
    due_at         timestamptz NOT NULL,        -- postponed by a requesting process, so that one process at a time requests
    failures       integer NOT NULL DEFAULT 0
);
