-- New keys of own components, wrapped by the group's key, from before certificates are asked for until these are here:
-- asked again for the same keys, the directory gives the same certificates.
CREATE TABLE key_renewal (
    component      text PRIMARY KEY REFERENCES component ON DELETE CASCADE,
    authentication bytea NOT NULL,
    encryption     bytea NOT NULL,
    signing        bytea NOT NULL,
    due_at         timestamptz NOT NULL,        -- put off by whoever asks, so that one does at a time
    failures       integer NOT NULL DEFAULT 0
);
