-- How old a DSO's copy of the assets in its grid is (`grid_asset`), and the whole list that it goes back to.
CREATE TABLE grid_copy (
    party           text PRIMARY KEY,
    as_of           timestamptz NOT NULL,    -- of the newest document that it was made from, by the platform's clock
    listed_sequence bigint NOT NULL DEFAULT 0  -- of the message with the whole list: older changes are in it
);
