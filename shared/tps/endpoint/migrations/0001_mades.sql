-- The tables of every group's endpoint: components and keys, a copy of the directory, the message ledger.

CREATE TABLE component (
    code  text PRIMARY KEY,
    party text NOT NULL UNIQUE,
    role  text NOT NULL,
    name  text NOT NULL
);

-- Private keys, wrapped by the group's key. Old keys stay, so that old messages remain readable.
CREATE TABLE component_key (
    certificate_id text PRIMARY KEY,
    component      text NOT NULL REFERENCES component ON DELETE CASCADE,
    use            text NOT NULL,
    wrapped        bytea NOT NULL,
    valid_from     timestamptz NOT NULL,
    valid_to       timestamptz NOT NULL
);

CREATE TABLE directory_entry (
    code            text PRIMARY KEY,
    entry           jsonb NOT NULL,
    synchronised_at timestamptz NOT NULL
);

-- Counted by the sender per receiver, in the transaction that decides to send.
CREATE TABLE sequence_counter (
    sender   text NOT NULL,
    receiver text NOT NULL,
    last     bigint NOT NULL,
    PRIMARY KEY (sender, receiver)
);

-- One row per message and component, for the inbox ('in') and the outbox ('out').
CREATE TABLE message (
    component   text NOT NULL,
    message_id  text NOT NULL,
    direction   text NOT NULL CHECK (direction IN ('in', 'out')),
    type        text NOT NULL,
    peer        text NOT NULL,
    sequence    bigint NOT NULL,
    in_reply_to text,
    ba_message_id text,
    document_id text,
    revision    integer,
    state       text NOT NULL,
    status      text NOT NULL DEFAULT 'pending',
    answer      jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    caused_by   text,                          -- out: the consumed message whose handling decided this one
    rank        smallint NOT NULL DEFAULT 0,   -- out: messages of the same cause are sent in ascending rank
    content     bytea,                         -- deflated; removed once the document store has an undamaged copy
    sent_at     timestamptz,
    archived_at timestamptz,                   -- time of the copy to the document store; object_key is its key
    object_key  text,
    is_handled  boolean NOT NULL DEFAULT false, -- in: decided, or noted as FAILED
    is_proven   boolean NOT NULL DEFAULT true,  -- in: false if the signature was invalid (all values unverified)
    PRIMARY KEY (component, message_id)
);
CREATE INDEX message_unsent ON message (created_at) WHERE direction = 'out' AND sent_at IS NULL;
CREATE INDEX message_kept ON message (created_at, message_id) WHERE content IS NOT NULL;
CREATE INDEX message_caused ON message (component, caused_by) WHERE caused_by IS NOT NULL;
CREATE INDEX message_reply ON message (component, in_reply_to) WHERE in_reply_to IS NOT NULL;

CREATE TABLE message_trace (
    component    text NOT NULL,
    message_id   text NOT NULL,
    step         bigint GENERATED ALWAYS AS IDENTITY,
    at           timestamptz NOT NULL,
    state        text NOT NULL,
    at_component text NOT NULL,
    details      text,
    PRIMARY KEY (component, message_id, step)
);

-- MADES acknowledgements to send. A later kind replaces an earlier one.
CREATE TABLE owed_acknowledgement (
    component    text NOT NULL,
    peer         text NOT NULL,
    message_id   text NOT NULL,
    kind         text NOT NULL,
    at           timestamptz NOT NULL,
    detail       text,
    lease        text,         -- id of the lease of the sending process, valid until `leased_until`
    leased_until timestamptz,
    PRIMARY KEY (component, peer, message_id)
);
CREATE INDEX owed_acknowledgement_lease ON owed_acknowledgement (lease) WHERE lease IS NOT NULL;

CREATE TABLE idempotency_key (
    party      text NOT NULL,
    key        text NOT NULL,
    digest     bytea NOT NULL,
    message_id text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (party, key)
);
