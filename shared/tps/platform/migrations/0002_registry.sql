-- The registry: parties, and their claims on connection points and assets.

CREATE TABLE party (
    code          text PRIMARY KEY,
    role          text NOT NULL,
    name          text NOT NULL,
    component     text NOT NULL UNIQUE,
    grid_prefixes text[] NOT NULL DEFAULT '{}'
);

CREATE SEQUENCE claim_order;

-- One row per (point, DSO). The earliest unreleased claim holds. A released claim keeps its row for its sequence.
CREATE TABLE point_claim (
    id                 text NOT NULL,
    dso                text NOT NULL,
    max_production_kw  numeric(13, 3),
    max_consumption_kw numeric(13, 3),
    name               text,
    sequence           bigint NOT NULL,
    claimed            bigint,                     -- order of the claim, NULL when released
    holds              boolean NOT NULL DEFAULT false,
    told_active        boolean NOT NULL DEFAULT false,
    message_id         text NOT NULL,
    document_id        text NOT NULL,
    PRIMARY KEY (id, dso)
);
CREATE UNIQUE INDEX point_claim_holder ON point_claim (id) WHERE holds;
CREATE INDEX point_claim_of_dso ON point_claim (dso) WHERE holds;

CREATE TABLE asset_claim (
    id                  text NOT NULL,
    operator            text NOT NULL,
    connection_point_id text NOT NULL,
    kind                text NOT NULL,
    max_production_kw   numeric(13, 3),
    max_consumption_kw  numeric(13, 3),
    name                text,
    sequence            bigint NOT NULL,
    claimed             bigint,
    holds               boolean NOT NULL DEFAULT false,
    told_active         boolean NOT NULL DEFAULT false,
    told_capped         boolean NOT NULL DEFAULT false,
    message_id          text NOT NULL,
    document_id         text NOT NULL,
    PRIMARY KEY (id, operator)
);
CREATE UNIQUE INDEX asset_claim_holder ON asset_claim (id) WHERE holds;
CREATE INDEX asset_claim_point ON asset_claim (connection_point_id) WHERE holds;

-- Active assets: an operator's claim holds, and a DSO holds the connection point.
CREATE VIEW active_asset AS
    SELECT a.id, a.operator, a.connection_point_id, a.kind, a.max_production_kw, a.max_consumption_kw,
           p.dso, p.max_production_kw AS point_production_kw, p.max_consumption_kw AS point_consumption_kw
      FROM asset_claim a JOIN point_claim p ON p.id = a.connection_point_id AND p.holds
     WHERE a.holds;

-- Earlier versions of claims, and when they ended. Notices alone make no history. The time is the statement's, because
-- registrations wait for each other between the start of their transaction and their first change.
CREATE TABLE asset_history (LIKE asset_claim, changed_at timestamptz NOT NULL);
CREATE INDEX asset_history_by_id ON asset_history (id, changed_at);
CREATE TABLE point_history (LIKE point_claim, changed_at timestamptz NOT NULL);
CREATE INDEX point_history_by_id ON point_history (id, changed_at);

-- Without this setting, nested loops join the two sets row by row, which is quadratic in the size of a registration.
CREATE FUNCTION keep_asset_history() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO asset_history
    SELECT o.*, statement_timestamp() FROM before o JOIN after n USING (id, operator)
     WHERE (o.sequence, o.holds) IS DISTINCT FROM (n.sequence, n.holds);
    RETURN NULL;
END $$;
CREATE TRIGGER asset_history AFTER UPDATE ON asset_claim
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION keep_asset_history();

CREATE FUNCTION keep_point_history() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO point_history
    SELECT o.*, statement_timestamp() FROM before o JOIN after n USING (id, dso)
     WHERE (o.sequence, o.holds) IS DISTINCT FROM (n.sequence, n.holds);
    RETURN NULL;
END $$;
CREATE TRIGGER point_history AFTER UPDATE ON point_claim
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION keep_point_history();

-- The platform's decisions on documents, so that a repeated document gets the same answer.
CREATE TABLE decided_document (
    sender      text NOT NULL,
    document_id text NOT NULL,
    revision    integer NOT NULL,
    digest      bytea NOT NULL,
    answer      jsonb NOT NULL,
    decided_at  timestamptz NOT NULL,
    PRIMARY KEY (sender, document_id, revision)
);
