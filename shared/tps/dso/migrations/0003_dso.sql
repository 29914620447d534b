-- Asset lists a DSO was sent, by the request they answer; the newest one answers when the platform is silent.
CREATE TABLE received_asset_list (
    party      text NOT NULL,
    request_id text NOT NULL,
    as_of      timestamptz NOT NULL,
    message_id text,           -- NULL: the platform said that there is no asset
    PRIMARY KEY (party, request_id)
);
CREATE INDEX received_asset_list_newest ON received_asset_list (party, as_of);
