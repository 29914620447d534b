-- Applications, contacts, revocations, and the number of changes of each entry.

-- The broker and the directory have the role `ecp`. Their entries belong to no party.
ALTER TABLE registered_component
    ADD COLUMN status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked')),
    ADD COLUMN person      text,
    ADD COLUMN email       text,
    ADD COLUMN phone       text,
    -- Raised by every change. A viewer's content id is the sum over its visible entries, so it reveals nothing else.
    ADD COLUMN revision    bigint NOT NULL DEFAULT 1,
    ADD COLUMN modified_at timestamptz;
UPDATE registered_component SET modified_at = added_at;
ALTER TABLE registered_component ALTER COLUMN modified_at SET NOT NULL;
-- One per party. Several parties may want the same code: an application must not reveal another one.
-- One per party. The code it wishes may be wished by several: nobody learns of another's by applying.
CREATE TABLE component_application (
    party              text PRIMARY KEY,
    role               text NOT NULL,
    code               text NOT NULL,
    organisation       text NOT NULL,
    person             text NOT NULL,
    email              text NOT NULL,
    phone              text,
    authentication_key text NOT NULL,
    encryption_key     text NOT NULL,
    signing_key        text NOT NULL,
    status             text NOT NULL CHECK (status IN ('applied', 'approved', 'rejected')),
    reason             text,
    revision           bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL,
    modified_at        timestamptz NOT NULL
);
CREATE INDEX component_application_code ON component_application (code);

CREATE TABLE revoked_certificate (
    certificate_id text PRIMARY KEY,
    component      text NOT NULL REFERENCES registered_component,
    at             timestamptz NOT NULL,
    reason         text NOT NULL
);
CREATE INDEX revoked_certificate_component ON revoked_certificate (component);
