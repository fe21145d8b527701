-- Events, in the order in which they were written. Texts are compared by their bytes; no column is
-- AUTO_INCREMENT, so that LAST_INSERT_ID() stays the application's. Images keep their exact text.
CREATE TABLE IF NOT EXISTS audit_logs (
    occurred_at DATETIME(6) NOT NULL,
    id BINARY(16) NOT NULL,
    recorded_at DATETIME(6) NULL,
    transaction_id VARCHAR(64) NULL,
    schema_version SMALLINT NOT NULL,
    operation VARCHAR(16) NOT NULL,
    action TEXT NULL,
    outcome VARCHAR(16) NOT NULL,
    table_schema VARCHAR(64) NULL,
    table_name VARCHAR(255) NULL,
    record_id TEXT NULL,
    previous_record_id TEXT NULL,
    before_data LONGTEXT NULL,
    after_data LONGTEXT NULL,
    changed_fields LONGTEXT NULL,
    redacted_fields LONGTEXT NULL,
    schema_fingerprint VARCHAR(64) NULL,
    before_exact BOOLEAN NULL,
    actor_id TEXT NULL,
    actor_kind VARCHAR(16) NOT NULL,
    actor_name TEXT NULL,
    on_behalf_of TEXT NULL,
    tenant_id TEXT NULL,
    assurance VARCHAR(16) NULL,
    service TEXT NULL,
    environment TEXT NULL,
    request_id TEXT NULL,
    causation_id TEXT NULL,
    context LONGTEXT NULL,
    reason LONGTEXT NULL,
    metadata LONGTEXT NULL,
    label TEXT NULL,
    description LONGTEXT NULL,
    severity VARCHAR(16) NULL,
    data_class VARCHAR(16) NULL,
    compliance LONGTEXT NULL,
    notify LONGTEXT NULL,
    reverts LONGTEXT NULL,
    statement LONGTEXT NULL,
    tables LONGTEXT NULL,
    duration_us BIGINT NULL,
    row_count BIGINT NULL,
    error_code TEXT NULL,
    error_message LONGTEXT NULL,
    reason_code TEXT NULL,
    source VARCHAR(16) NOT NULL,
    -- For the index of records alone, and in no SELECT *. An index of record_id itself would be one of a
    -- prefix, which gives no order.
    record_prefix VARCHAR(128) AS (LEFT(record_id, 128)) STORED INVISIBLE,
    PRIMARY KEY (occurred_at, id)
) ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_bin;

-- The newest events of a record are read in order, however many it has: with the operation, by which they
-- are chosen, the server need not look at the rows, and takes an instant as the beginning.
CREATE INDEX IF NOT EXISTS audit_logs_record
    ON audit_logs (table_name, record_prefix, occurred_at, id, operation);

-- There is no index of some rows: the entries of the others are NULL and cheap.
CREATE INDEX IF NOT EXISTS audit_logs_previous
    ON audit_logs (previous_record_id(64));

-- The columns, their types, which of them take no NULL, and the key of every audited table over time;
-- events name their fingerprint.
CREATE TABLE IF NOT EXISTS audit_schemas (
    table_schema VARCHAR(64) NOT NULL,
    table_name VARCHAR(64) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    columns LONGTEXT NOT NULL,
    record_key LONGTEXT NOT NULL,
    recorded_at DATETIME(6) NOT NULL,
    PRIMARY KEY (table_schema, table_name, fingerprint)
) ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_bin;

-- What only the operator decides; read by `migrate`, never by a trigger.
CREATE TABLE IF NOT EXISTS audit_settings (
    name VARCHAR(190) NOT NULL CHECK (name = 'capture' OR name LIKE 'capture:_%'),
    value VARCHAR(16) NOT NULL CHECK (value IN ('on', 'off')),
    PRIMARY KEY (name)
) ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_bin;

INSERT INTO audit_settings (name, value)
SELECT 'capture', 'on' FROM DUAL
WHERE NOT EXISTS (SELECT 1 FROM audit_settings WHERE name = 'capture');

-- What keeps events whatever the policies of retention say. Rows stay when a hold is released: they
-- tell what was kept, and for how long.
-- The row without a name is none: whoever places holds or removes events locks it.
CREATE TABLE IF NOT EXISTS audit_holds (
    name VARCHAR(190) NOT NULL,
    selection LONGTEXT NOT NULL,
    reason LONGTEXT NOT NULL,
    placed_at DATETIME(6) NOT NULL,
    placed_by TEXT NULL,
    released_at DATETIME(6) NULL,
    released_by TEXT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_bin;

INSERT INTO audit_holds (name, selection, reason, placed_at)
SELECT '', '{}', '', UTC_TIMESTAMP(6) FROM DUAL
WHERE NOT EXISTS (SELECT 1 FROM audit_holds WHERE name = '');

-- What the check writes to and takes back; always empty.
CREATE TABLE IF NOT EXISTS audit_probe (
    id VARCHAR(64) NOT NULL,
    value VARCHAR(16) NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_bin;
