-- Written by hand: one trigger for each operation. The connections of the bench read the clock in
-- UTC, so SYSDATE is the time after the row was locked.
CREATE TRIGGER limit_insert AFTER INSERT ON users FOR EACH ROW
BEGIN
    DECLARE t DATETIME(6) DEFAULT SYSDATE(6);
    DECLARE us BIGINT DEFAULT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t);
    INSERT INTO audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_schema, table_name, record_id, after_data, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
        environment, request_id, causation_id, context, reason, metadata, label, severity, source
    ) VALUES (
        t,
        CONCAT(UNHEX(LPAD(HEX((us DIV 1000 << 16) | 0x7000 | (us MOD 1000)), 16, '0')),
            UNHEX('80'), RANDOM_BYTES(7)),
        IF(@@in_transaction, @audit_transaction_id, CONCAT(CONNECTION_ID(), '-',
            TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)))),
        1, 'INSERT', @audit_action, 'success',
        DATABASE(), 'users', CAST(NEW.id AS CHAR),
        JSON_OBJECT('id', NEW.id, 'email', NEW.email, 'name', NEW.name, 'role', NEW.role,
            'balance', NEW.balance, 'active', NEW.active, 'bio', NEW.bio, 'updated_at', NEW.updated_at),
        '0123456789abcdef',
        @audit_actor_id, COALESCE(@audit_actor_kind, 'unknown'), @audit_actor_name,
        @audit_on_behalf_of, @audit_tenant_id, @audit_assurance, @audit_service,
        @audit_environment, @audit_request_id, @audit_causation_id, @audit_context,
        @audit_reason, @audit_metadata, @audit_label, @audit_severity, 'trigger'
    );
END;

CREATE TRIGGER limit_update AFTER UPDATE ON users FOR EACH ROW
BEGIN
    DECLARE t DATETIME(6) DEFAULT SYSDATE(6);
    DECLARE us BIGINT DEFAULT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t);
    IF NOT (
        OLD.id <=> NEW.id AND
        OLD.email COLLATE utf8mb4_nopad_bin <=> NEW.email AND
        OLD.name COLLATE utf8mb4_nopad_bin <=> NEW.name AND
        OLD.role COLLATE utf8mb4_nopad_bin <=> NEW.role AND
        OLD.balance <=> NEW.balance AND
        OLD.active <=> NEW.active AND
        OLD.bio COLLATE utf8mb4_nopad_bin <=> NEW.bio AND
        OLD.updated_at <=> NEW.updated_at
    ) THEN
    INSERT INTO audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_schema, table_name, record_id, previous_record_id, before_data,
        after_data, changed_fields, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
        environment, request_id, causation_id, context, reason, metadata, label, severity, source
    ) VALUES (
        t,
        CONCAT(UNHEX(LPAD(HEX((us DIV 1000 << 16) | 0x7000 | (us MOD 1000)), 16, '0')),
            UNHEX('80'), RANDOM_BYTES(7)),
        IF(@@in_transaction, @audit_transaction_id, CONCAT(CONNECTION_ID(), '-',
            TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)))),
        1, 'UPDATE', @audit_action, 'success',
        DATABASE(), 'users', CAST(NEW.id AS CHAR),
        IF(OLD.id = NEW.id, NULL, CAST(OLD.id AS CHAR)),
        JSON_OBJECT('id', OLD.id, 'email', OLD.email, 'name', OLD.name, 'role', OLD.role,
            'balance', OLD.balance, 'active', OLD.active, 'bio', OLD.bio, 'updated_at', OLD.updated_at),
        JSON_OBJECT('id', NEW.id, 'email', NEW.email, 'name', NEW.name, 'role', NEW.role,
            'balance', NEW.balance, 'active', NEW.active, 'bio', NEW.bio, 'updated_at', NEW.updated_at),
        CONCAT('[', SUBSTRING(CONCAT(
            IF(OLD.id <=> NEW.id, '', ',"id"'),
            IF(OLD.email COLLATE utf8mb4_nopad_bin <=> NEW.email, '', ',"email"'),
            IF(OLD.name COLLATE utf8mb4_nopad_bin <=> NEW.name, '', ',"name"'),
            IF(OLD.role COLLATE utf8mb4_nopad_bin <=> NEW.role, '', ',"role"'),
            IF(OLD.balance <=> NEW.balance, '', ',"balance"'),
            IF(OLD.active <=> NEW.active, '', ',"active"'),
            IF(OLD.bio COLLATE utf8mb4_nopad_bin <=> NEW.bio, '', ',"bio"'),
            IF(OLD.updated_at <=> NEW.updated_at, '', ',"updated_at"')
        ), 2), ']'),
        '0123456789abcdef',
        @audit_actor_id, COALESCE(@audit_actor_kind, 'unknown'), @audit_actor_name,
        @audit_on_behalf_of, @audit_tenant_id, @audit_assurance, @audit_service,
        @audit_environment, @audit_request_id, @audit_causation_id, @audit_context,
        @audit_reason, @audit_metadata, @audit_label, @audit_severity, 'trigger'
    );
    END IF;
END;

CREATE TRIGGER limit_delete AFTER DELETE ON users FOR EACH ROW
BEGIN
    DECLARE t DATETIME(6) DEFAULT SYSDATE(6);
    DECLARE us BIGINT DEFAULT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t);
    INSERT INTO audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_schema, table_name, record_id, before_data, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
        environment, request_id, causation_id, context, reason, metadata, label, severity, source
    ) VALUES (
        t,
        CONCAT(UNHEX(LPAD(HEX((us DIV 1000 << 16) | 0x7000 | (us MOD 1000)), 16, '0')),
            UNHEX('80'), RANDOM_BYTES(7)),
        IF(@@in_transaction, @audit_transaction_id, CONCAT(CONNECTION_ID(), '-',
            TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)))),
        1, 'DELETE', @audit_action, 'success',
        DATABASE(), 'users', CAST(OLD.id AS CHAR),
        JSON_OBJECT('id', OLD.id, 'email', OLD.email, 'name', OLD.name, 'role', OLD.role,
            'balance', OLD.balance, 'active', OLD.active, 'bio', OLD.bio, 'updated_at', OLD.updated_at),
        '0123456789abcdef',
        @audit_actor_id, COALESCE(@audit_actor_kind, 'unknown'), @audit_actor_name,
        @audit_on_behalf_of, @audit_tenant_id, @audit_assurance, @audit_service,
        @audit_environment, @audit_request_id, @audit_causation_id, @audit_context,
        @audit_reason, @audit_metadata, @audit_label, @audit_severity, 'trigger'
    );
END;
