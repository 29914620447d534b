-- Schedules as the platform accepted them (F8a). Their plans are in plan_piece.

CREATE SEQUENCE plan_order;

-- The highest accepted revision of each document, including documents whose first message was a cancellation.
CREATE TABLE schedule_document (
    operator     text NOT NULL,
    document_id  text NOT NULL,
    revision     integer NOT NULL,
    is_cancelled boolean NOT NULL,
    asset_ids    text[] NOT NULL,      -- assets that it plans
    starts_at    timestamptz NOT NULL, -- period of all its plans
    ends_at      timestamptz NOT NULL,
    PRIMARY KEY (operator, document_id)
);

-- The last window whose changes each DSO was told: one document per window.
CREATE TABLE plan_window (
    dso      text PRIMARY KEY,
    ended_at timestamptz NOT NULL
);
