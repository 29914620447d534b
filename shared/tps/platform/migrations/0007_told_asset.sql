-- What each DSO was last told of the assets in its grid, by a list or by a change; nothing of who operates them.
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

-- Who held an asset last, and in whose grid it was then; no grid since it is not active any more.
CREATE TABLE asset_holder (
    id       text PRIMARY KEY,
    operator text NOT NULL,
    dso      text
);

-- Assets that a registration touched: whether they are others for their DSO is looked at once the window is over.
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

-- What was registered before there were changes.
INSERT INTO asset_holder SELECT id, operator, dso FROM active_asset;
INSERT INTO touched_asset SELECT id, statement_timestamp() FROM active_asset;
