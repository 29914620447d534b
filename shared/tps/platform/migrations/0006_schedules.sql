-- Schedules as the platform accepted them (F8a); what they plan lies in plan_piece.

CREATE SEQUENCE plan_order;

-- The highest revision of each document that was accepted, also of one that came cancelled first.
CREATE TABLE schedule_document (
    operator     text NOT NULL,
    document_id  text NOT NULL,
    revision     integer NOT NULL,
    is_cancelled boolean NOT NULL,
    asset_ids    text[] NOT NULL,      -- planned by it
    starts_at    timestamptz NOT NULL, -- of all that it plans
    ends_at      timestamptz NOT NULL,
    PRIMARY KEY (operator, document_id)
);

-- Up to when each DSO was told of changes: once per window.
CREATE TABLE plan_window (
    dso      text PRIMARY KEY,
    ended_at timestamptz NOT NULL
);
