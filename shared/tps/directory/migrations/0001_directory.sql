-- The Component Directory: every component and party of the installation.
CREATE TABLE registered_component (
    code          text PRIMARY KEY,
    party         text NOT NULL UNIQUE,
    role          text NOT NULL,
    name          text NOT NULL,
    entry         jsonb NOT NULL,
    password_hash text,
    added_at      timestamptz NOT NULL
);
