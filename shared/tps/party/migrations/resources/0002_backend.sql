-- The tables of a party's backend: its own resources as the platform accepted them, and its feeds.

-- Assets of an operator, or connection points of a DSO, as JSON of the REST contract, as written. A removed resource
-- keeps its row with an empty body, so that a late older registration cannot restore it.
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

-- The content of a registration until the platform answers it.
CREATE TABLE wished_resource (
    party      text NOT NULL,
    message_id text NOT NULL,
    id         text NOT NULL,
    body       json,
    sequence   bigint NOT NULL,
    PRIMARY KEY (party, message_id, id)
);
CREATE INDEX wished_resource_by_id ON wished_resource (party, id);

-- The transaction that adds an entry raises the counter under its row lock, so that its order is the commit order.
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
