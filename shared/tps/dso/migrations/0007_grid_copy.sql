-- The age of a DSO's copy of the assets in its grid (`grid_asset`), and the whole list that the copy started from.
CREATE TABLE grid_copy (
    party           text PRIMARY KEY,
    as_of           timestamptz NOT NULL,    -- the platform's time of the newest document used
    listed_sequence bigint NOT NULL DEFAULT 0  -- of the message with the whole list, which includes all older changes
);
