-- What a party's backend keeps: its own resources as the platform has accepted them, and the feeds it can wait on.

-- Assets of an operator, or connection points of a DSO: their JSON of the REST contract, as written. A removed one
-- keeps its row with an empty body, so that a late older registration cannot bring it back.
CREATE TABLE own_resource (
    party          text NOT NULL,
    id             text NOT NULL,
    body           json,
    sequence       bigint NOT NULL,
    state          text NOT NULL,
    is_capped      boolean NOT NULL DEFAULT false,
    state_sequence bigint NOT NULL,
    PRIMARY KEY (party, id)
);

-- What a registration asks for, until the platform has answered it.
CREATE TABLE wished_resource (
    party      text NOT NULL,
    message_id text NOT NULL,
    id         text NOT NULL,
    body       json,
    sequence   bigint NOT NULL,
    PRIMARY KEY (party, message_id, id)
);
CREATE INDEX wished_resource_by_id ON wished_resource (party, id);

-- The counter is raised under its row's lock in the transaction that adds the entry, so that its order is commit order.
CREATE TABLE feed (
    party text NOT NULL,
    name  text NOT NULL,
    last  bigint NOT NULL,
    PRIMARY KEY (party, name)
);

CREATE TABLE feed_reader (
    party    text NOT NULL,
    name     text NOT NULL,
    reader   text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (party, name, reader)
);
