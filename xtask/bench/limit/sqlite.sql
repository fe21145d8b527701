-- Written by hand: one trigger for each operation, on each connection. The functions are those of
-- the bench, over a stamp of slots with U+001F between them.
CREATE TEMP TRIGGER limit_insert AFTER INSERT ON main.users
BEGIN
    INSERT INTO audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_name, record_id, after_data, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance,
        service, environment, request_id, causation_id, context, reason, metadata,
        label, severity, source
    ) VALUES (
        limit_now(), limit_id(), limit_transaction(), 1, 'INSERT', limit_slot(12), 'success',
        'users', CAST(NEW.id AS TEXT),
        json_object('id', NEW.id, 'email', NEW.email, 'name', NEW.name, 'role', NEW.role,
                    'balance', NEW.balance, 'active', NEW.active, 'bio', NEW.bio,
                    'updated_at', NEW.updated_at),
        '0123456789abcdef',
        limit_slot(1), coalesce(limit_slot(2), 'unknown'), limit_slot(3), limit_slot(4),
        limit_slot(5), limit_slot(6), limit_slot(16), limit_slot(17), limit_slot(7),
        limit_slot(8), limit_slot(9), limit_slot(10), limit_slot(11), limit_slot(13),
        limit_slot(14), 'trigger'
    );
END;

CREATE TEMP TRIGGER limit_update AFTER UPDATE ON main.users
WHEN OLD.id IS NOT NEW.id OR OLD.email IS NOT NEW.email OR OLD.name IS NOT NEW.name
    OR OLD.role IS NOT NEW.role OR OLD.balance IS NOT NEW.balance
    OR OLD.active IS NOT NEW.active OR OLD.bio IS NOT NEW.bio
    OR OLD.updated_at IS NOT NEW.updated_at
BEGIN
    INSERT INTO audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_name, record_id, previous_record_id, before_data, after_data, changed_fields,
        schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance,
        service, environment, request_id, causation_id, context, reason, metadata,
        label, severity, source
    ) VALUES (
        limit_now(), limit_id(), limit_transaction(), 1, 'UPDATE', limit_slot(12), 'success',
        'users', CAST(NEW.id AS TEXT), CASE WHEN OLD.id <> NEW.id THEN CAST(OLD.id AS TEXT) END,
        json_object('id', OLD.id, 'email', OLD.email, 'name', OLD.name, 'role', OLD.role,
                    'balance', OLD.balance, 'active', OLD.active, 'bio', OLD.bio,
                    'updated_at', OLD.updated_at),
        json_object('id', NEW.id, 'email', NEW.email, 'name', NEW.name, 'role', NEW.role,
                    'balance', NEW.balance, 'active', NEW.active, 'bio', NEW.bio,
                    'updated_at', NEW.updated_at),
        '[' || substr(
            CASE WHEN OLD.id IS NOT NEW.id THEN ',"id"' ELSE '' END
            || CASE WHEN OLD.email IS NOT NEW.email THEN ',"email"' ELSE '' END
            || CASE WHEN OLD.name IS NOT NEW.name THEN ',"name"' ELSE '' END
            || CASE WHEN OLD.role IS NOT NEW.role THEN ',"role"' ELSE '' END
            || CASE WHEN OLD.balance IS NOT NEW.balance THEN ',"balance"' ELSE '' END
            || CASE WHEN OLD.active IS NOT NEW.active THEN ',"active"' ELSE '' END
            || CASE WHEN OLD.bio IS NOT NEW.bio THEN ',"bio"' ELSE '' END
            || CASE WHEN OLD.updated_at IS NOT NEW.updated_at THEN ',"updated_at"' ELSE '' END,
            2) || ']',
        '0123456789abcdef',
        limit_slot(1), coalesce(limit_slot(2), 'unknown'), limit_slot(3), limit_slot(4),
        limit_slot(5), limit_slot(6), limit_slot(16), limit_slot(17), limit_slot(7),
        limit_slot(8), limit_slot(9), limit_slot(10), limit_slot(11), limit_slot(13),
        limit_slot(14), 'trigger'
    );
END;

CREATE TEMP TRIGGER limit_delete AFTER DELETE ON main.users
BEGIN
    INSERT INTO audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_name, record_id, before_data, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance,
        service, environment, request_id, causation_id, context, reason, metadata,
        label, severity, source
    ) VALUES (
        limit_now(), limit_id(), limit_transaction(), 1, 'DELETE', limit_slot(12), 'success',
        'users', CAST(OLD.id AS TEXT),
        json_object('id', OLD.id, 'email', OLD.email, 'name', OLD.name, 'role', OLD.role,
                    'balance', OLD.balance, 'active', OLD.active, 'bio', OLD.bio,
                    'updated_at', OLD.updated_at),
        '0123456789abcdef',
        limit_slot(1), coalesce(limit_slot(2), 'unknown'), limit_slot(3), limit_slot(4),
        limit_slot(5), limit_slot(6), limit_slot(16), limit_slot(17), limit_slot(7),
        limit_slot(8), limit_slot(9), limit_slot(10), limit_slot(11), limit_slot(13),
        limit_slot(14), 'trigger'
    );
END;
