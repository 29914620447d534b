-- What a DSO's backend keeps of schedules (F9b) beside the plans themselves.

-- Questions for schedules, and the message that answered; as_of NULL: not answered, reply_id NULL: there is none.
CREATE TABLE schedule_question (
    party      text NOT NULL,
    message_id text NOT NULL,
    as_of      timestamptz,
    reply_id   text,
    PRIMARY KEY (party, message_id)
);

-- The feed of plans: where an asset's plan became another one.
CREATE TABLE plan_news (
    party     text NOT NULL,
    position  bigint NOT NULL,
    asset_id  text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL,
    PRIMARY KEY (party, position, asset_id, starts_at)
);

-- The platform's time of the newest plans that came by themselves.
CREATE TABLE plan_age (
    party text PRIMARY KEY,
    as_of timestamptz NOT NULL
);
