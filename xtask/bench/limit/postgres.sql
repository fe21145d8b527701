-- Written by hand: one trigger for each operation. The settings pin what the text of a value
-- depends on, as the triggers under test do.
CREATE FUNCTION audit.limit_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO'
SET IntervalStyle = 'iso_8601' SET bytea_output = 'hex' SET extra_float_digits = 1
SET lc_monetary = 'C'
AS $$
DECLARE
    c text[] := string_to_array(current_setting('audit.context', true), E'\x1f', '');
BEGIN
    INSERT INTO audit.audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_schema, table_name, record_id, after_data, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
        environment, request_id, causation_id, context, reason, metadata, label, severity, source
    )
    SELECT
        n.at,
        encode(set_byte(substr(int8send((extract(epoch FROM n.at) * 1000)::bigint), 3, 6)
            || substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid,
        pg_current_xact_id()::text, 1, 'INSERT', c[12], 'success',
        'public', 'users', n.id::text, n.image, '0123456789abcdef',
        c[1], coalesce(c[2], 'unknown'), c[3], c[4], c[5], c[6], c[16], c[17], c[7], c[8],
        c[9]::json, c[10], c[11]::json, c[13], c[14], 'trigger'
    FROM (
        SELECT r.id, row_to_json(r) AS image, clock_timestamp() AS at FROM new_rows AS r OFFSET 0
    ) AS n;
    RETURN NULL;
END
$$;

CREATE FUNCTION audit.limit_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO'
SET IntervalStyle = 'iso_8601' SET bytea_output = 'hex' SET extra_float_digits = 1
SET lc_monetary = 'C'
AS $$
DECLARE
    c text[] := string_to_array(current_setting('audit.context', true), E'\x1f', '');
    t timestamptz := clock_timestamp();
BEGIN
    INSERT INTO audit.audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_schema, table_name, record_id, previous_record_id, before_data, after_data,
        changed_fields, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
        environment, request_id, causation_id, context, reason, metadata, label, severity, source
    )
    VALUES (
        t,
        encode(set_byte(substr(int8send((extract(epoch FROM t) * 1000)::bigint), 3, 6)
            || substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid,
        pg_current_xact_id()::text, 1, 'UPDATE', c[12], 'success',
        'public', 'users', NEW.id::text,
        CASE WHEN OLD.id <> NEW.id THEN OLD.id::text END,
        row_to_json(OLD), row_to_json(NEW),
        array_remove(ARRAY[
            CASE WHEN OLD.id IS DISTINCT FROM NEW.id THEN 'id' END,
            CASE WHEN OLD.email IS DISTINCT FROM NEW.email THEN 'email' END,
            CASE WHEN OLD.name IS DISTINCT FROM NEW.name THEN 'name' END,
            CASE WHEN OLD.role IS DISTINCT FROM NEW.role THEN 'role' END,
            CASE WHEN OLD.balance IS DISTINCT FROM NEW.balance THEN 'balance' END,
            CASE WHEN OLD.active IS DISTINCT FROM NEW.active THEN 'active' END,
            CASE WHEN OLD.bio IS DISTINCT FROM NEW.bio THEN 'bio' END,
            CASE WHEN OLD.updated_at IS DISTINCT FROM NEW.updated_at THEN 'updated_at' END
        ], NULL),
        '0123456789abcdef',
        c[1], coalesce(c[2], 'unknown'), c[3], c[4], c[5], c[6], c[16], c[17], c[7], c[8],
        c[9]::json, c[10], c[11]::json, c[13], c[14], 'trigger'
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION audit.limit_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO'
SET IntervalStyle = 'iso_8601' SET bytea_output = 'hex' SET extra_float_digits = 1
SET lc_monetary = 'C'
AS $$
DECLARE
    c text[] := string_to_array(current_setting('audit.context', true), E'\x1f', '');
BEGIN
    INSERT INTO audit.audit_logs (
        occurred_at, id, transaction_id, schema_version, operation, action, outcome,
        table_schema, table_name, record_id, before_data, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
        environment, request_id, causation_id, context, reason, metadata, label, severity, source
    )
    SELECT
        o.at,
        encode(set_byte(substr(int8send((extract(epoch FROM o.at) * 1000)::bigint), 3, 6)
            || substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid,
        pg_current_xact_id()::text, 1, 'DELETE', c[12], 'success',
        'public', 'users', o.id::text, o.image, '0123456789abcdef',
        c[1], coalesce(c[2], 'unknown'), c[3], c[4], c[5], c[6], c[16], c[17], c[7], c[8],
        c[9]::json, c[10], c[11]::json, c[13], c[14], 'trigger'
    FROM (
        SELECT r.id, row_to_json(r) AS image, clock_timestamp() AS at FROM old_rows AS r OFFSET 0
    ) AS o;
    RETURN NULL;
END
$$;

CREATE TRIGGER limit_insert AFTER INSERT ON users
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.limit_insert();
CREATE TRIGGER limit_update AFTER UPDATE ON users
FOR EACH ROW WHEN (OLD.* *<> NEW.*) EXECUTE FUNCTION audit.limit_update();
CREATE TRIGGER limit_delete AFTER DELETE ON users
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.limit_delete();
