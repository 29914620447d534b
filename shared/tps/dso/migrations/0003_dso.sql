-- Asset lists that a DSO received, by the request that they answer. The newest list answers if the platform is silent.
CREATE TABLE received_asset_list (
    party      text NOT NULL,
    request_id text NOT NULL,
    as_of      timestamptz NOT NULL,
    message_id text,           -- NULL: the platform reported no assets
    PRIMARY KEY (party, request_id)
);
CREATE INDEX received_asset_list_newest ON received_asset_list (party, as_of);
