-- Everything of the audit log lives in one schema; the right to use it gives no right on its
-- tables.
DO $$
BEGIN
    IF to_regnamespace('audit') IS NULL THEN
        CREATE SCHEMA audit;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA audit TO PUBLIC;

-- Events, in the order in which they were written. Images are json, not jsonb: they keep every
-- byte that a column held. Words that come from the application are checked, because a reader
-- that meets one it does not know cannot read the log.
CREATE TABLE IF NOT EXISTS audit.audit_logs (
    occurred_at timestamptz NOT NULL,
    id uuid NOT NULL,
    recorded_at timestamptz,
    transaction_id text,
    schema_version smallint NOT NULL,
    operation text NOT NULL,
    action text,
    outcome text NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
    table_schema text,
    table_name text,
    record_id text,
    previous_record_id text,
    before_data json,
    after_data json,
    changed_fields text[],
    redacted_fields text[],
    schema_fingerprint text,
    before_exact boolean,
    actor_id text,
    actor_kind text NOT NULL
        CHECK (actor_kind IN ('user', 'service', 'system', 'anonymous', 'unknown')),
    actor_name text,
    on_behalf_of text,
    tenant_id text,
    assurance text CHECK (assurance IN ('verified', 'asserted', 'unverified')),
    service text,
    environment text,
    request_id text,
    causation_id text,
    context json,
    reason text,
    metadata json,
    label text,
    description text,
    severity text CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    data_class text
        CHECK (data_class IN ('public', 'internal', 'confidential', 'restricted')),
    compliance text[],
    notify text[],
    reverts text[],
    statement text,
    tables text[],
    duration_us bigint,
    row_count bigint,
    error_code text,
    error_message text,
    reason_code text,
    source text NOT NULL,
    PRIMARY KEY (occurred_at, id)
);

-- A prefix of the record id, because an entry of an index has a largest size and a key has none. With
-- the id at its end the newest events of a record are read in order, however many it has.
CREATE INDEX IF NOT EXISTS audit_logs_record
    ON audit.audit_logs (table_name, left(record_id, 128), occurred_at, id);

-- Events of a changed key alone, so other writes do not pay for it.
CREATE INDEX IF NOT EXISTS audit_logs_previous
    ON audit.audit_logs (table_name, left(previous_record_id, 128), occurred_at, id)
    WHERE previous_record_id IS NOT NULL;

-- The columns, their types, which of them take no NULL, and the key of every audited table over time;
-- events name their fingerprint.
CREATE TABLE IF NOT EXISTS audit.audit_schemas (
    table_schema text NOT NULL,
    table_name text NOT NULL,
    fingerprint text NOT NULL,
    columns json NOT NULL,
    record_key json NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (table_schema, table_name, fingerprint)
);

-- What only the operator decides; read by `migrate`, never by a trigger. Every role may see it,
-- none but the owner may change it.
CREATE TABLE IF NOT EXISTS audit.audit_settings (
    name text NOT NULL CHECK (name = 'capture' OR name LIKE 'capture:_%'),
    value text NOT NULL CHECK (value IN ('on', 'off')),
    PRIMARY KEY (name)
);

INSERT INTO audit.audit_settings (name, value) VALUES ('capture', 'on') ON CONFLICT DO NOTHING;

GRANT SELECT ON audit.audit_settings TO PUBLIC;

-- What keeps events whatever the policies of retention say. Rows stay when a hold is released: they
-- tell what was kept, and for how long.
CREATE TABLE IF NOT EXISTS audit.audit_holds (
    name text NOT NULL,
    selection json NOT NULL,
    reason text NOT NULL,
    placed_at timestamptz NOT NULL,
    placed_by text,
    released_at timestamptz,
    released_by text,
    PRIMARY KEY (name)
);

-- What the check writes to and takes back; always empty.
CREATE TABLE IF NOT EXISTS audit.audit_probe (
    id text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (id)
);
