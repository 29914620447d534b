-- Limits that an operator received, every revision.
CREATE TABLE received_limit (
    party       text NOT NULL,
    limit_id    text NOT NULL,
    revision    integer NOT NULL,
    position    bigint NOT NULL,
    message_id  text NOT NULL,
    received_at timestamptz NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    status      text NOT NULL,
    is_latest   boolean NOT NULL,
    body        json NOT NULL,    -- as written: the keys have the order of the contract
    weights_kw  jsonb NOT NULL,   -- registered maxima of the listed assets in the limit's direction, at arrival
    PRIMARY KEY (party, limit_id, revision)
);
CREATE INDEX received_limit_position ON received_limit (party, position);
CREATE INDEX received_limit_received ON received_limit (party, received_at);
CREATE INDEX received_limit_ending ON received_limit (party, ends_at) WHERE is_latest;
