-- The assets of each grid as the DSO was last told them, by a list or by a change. Operators are not part of it.
CREATE TABLE told_asset (
    id                  text NOT NULL,
    dso                 text NOT NULL,
    connection_point_id text NOT NULL,
    kind                text NOT NULL,
    max_production_kw   numeric(13, 3),
    max_consumption_kw  numeric(13, 3),
    PRIMARY KEY (id, dso)
);
CREATE INDEX told_asset_of_dso ON told_asset (dso);

-- The last operator of each asset, and its grid at that time. No grid if the asset is not active.
CREATE TABLE asset_holder (
    id       text PRIMARY KEY,
    operator text NOT NULL,
    dso      text
);

-- Assets that a registration touched. The end of the window compares them with the state that their DSO was told.
CREATE TABLE touched_asset (
    asset_id   text NOT NULL,
    touched_at timestamptz NOT NULL
);
CREATE INDEX touched_asset_due ON touched_asset (touched_at);

-- The newest window whose changes were told: one document per DSO and window.
CREATE TABLE told_window (
    is_only  boolean PRIMARY KEY CHECK (is_only),
    ended_at timestamptz NOT NULL
);

-- Registrations from before this migration.
INSERT INTO asset_holder SELECT id, operator, dso FROM active_asset;
INSERT INTO touched_asset SELECT id, statement_timestamp() FROM active_asset;
