-- A DSO's own copy of the assets in its grid, updated by the platform's changes, and the feed of these changes.
CREATE TABLE grid_asset (
    party               text NOT NULL,
    id                  text NOT NULL,
    connection_point_id text NOT NULL,
    kind                text NOT NULL,
    max_production_kw   numeric(13, 3),
    max_consumption_kw  numeric(13, 3),
    is_removed          boolean NOT NULL,
    sequence            bigint NOT NULL,   -- of the last message about the asset: MADES promises no order
    position            bigint NOT NULL,   -- in the feed, of its last change
    PRIMARY KEY (party, id)
);
CREATE INDEX grid_asset_position ON grid_asset (party, position);
CREATE INDEX grid_asset_point ON grid_asset (party, connection_point_id) WHERE NOT is_removed;
