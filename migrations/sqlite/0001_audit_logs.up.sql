-- Events, in the order in which they were written. WITHOUT ROWID: the key is the table, so an
-- event touches one tree less.
CREATE TABLE IF NOT EXISTS audit_logs (
    occurred_at TEXT NOT NULL,
    id BLOB NOT NULL,
    recorded_at TEXT,
    transaction_id TEXT,
    schema_version INTEGER NOT NULL,
    operation TEXT NOT NULL,
    action TEXT,
    outcome TEXT NOT NULL,
    table_schema TEXT,
    table_name TEXT,
    record_id TEXT,
    previous_record_id TEXT,
    before_data TEXT,
    after_data TEXT,
    changed_fields TEXT,
    redacted_fields TEXT,
    schema_fingerprint TEXT,
    before_exact INTEGER,
    actor_id TEXT,
    actor_kind TEXT NOT NULL,
    actor_name TEXT,
    on_behalf_of TEXT,
    tenant_id TEXT,
    assurance TEXT,
    service TEXT,
    environment TEXT,
    request_id TEXT,
    causation_id TEXT,
    context TEXT,
    reason TEXT,
    metadata TEXT,
    label TEXT,
    description TEXT,
    severity TEXT,
    data_class TEXT,
    compliance TEXT,
    notify TEXT,
    reverts TEXT,
    statement TEXT,
    tables TEXT,
    duration_us INTEGER,
    row_count INTEGER,
    error_code TEXT,
    error_message TEXT,
    reason_code TEXT,
    source TEXT NOT NULL,
    PRIMARY KEY (occurred_at, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS audit_logs_record
    ON audit_logs (table_name, record_id, occurred_at);

-- Events of a changed key alone, so other writes do not pay for it.
CREATE INDEX IF NOT EXISTS audit_logs_previous
    ON audit_logs (table_name, previous_record_id, occurred_at)
    WHERE previous_record_id IS NOT NULL;

-- The columns, their types, which of them take no NULL, and the key of every audited table over time;
-- events name their fingerprint.
CREATE TABLE IF NOT EXISTS audit_schemas (
    table_schema TEXT NOT NULL,
    table_name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    columns TEXT NOT NULL,
    record_key TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (table_schema, table_name, fingerprint)
) STRICT, WITHOUT ROWID;

-- What only the operator decides; read by `migrate`, never by a trigger.
CREATE TABLE IF NOT EXISTS audit_settings (
    name TEXT NOT NULL CHECK (name = 'capture' OR name LIKE 'capture:_%'),
    value TEXT NOT NULL CHECK (value IN ('on', 'off')),
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

INSERT INTO audit_settings (name, value) VALUES ('capture', 'on') ON CONFLICT DO NOTHING;

-- What keeps events whatever the policies of retention say. Rows stay when a hold is released: they
-- tell what was kept, and for how long.
CREATE TABLE IF NOT EXISTS audit_holds (
    name TEXT NOT NULL,
    selection TEXT NOT NULL,
    reason TEXT NOT NULL,
    placed_at TEXT NOT NULL,
    placed_by TEXT,
    released_at TEXT,
    released_by TEXT,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

-- What the check writes to and takes back; always empty. WITHOUT ROWID: last_insert_rowid() stays
-- the application's.
CREATE TABLE IF NOT EXISTS audit_probe (
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
