-- Data about schedules (F9b) in a DSO's backend, beside the plans themselves.

-- Requests for schedules with the message that answered. as_of NULL: not answered. reply_id NULL: no schedules.
CREATE TABLE schedule_question (
    party      text NOT NULL,
    message_id text NOT NULL,
    as_of      timestamptz,
    reply_id   text,
    PRIMARY KEY (party, message_id)
);

-- The feed of plans: periods in which the plan of an asset changed.
CREATE TABLE plan_news (
    party     text NOT NULL,
    position  bigint NOT NULL,
    asset_id  text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL,
    PRIMARY KEY (party, position, asset_id, starts_at)
);

-- The platform's time of the newest plans that it sent by itself.
CREATE TABLE plan_age (
    party text PRIMARY KEY,
    as_of timestamptz NOT NULL
);
