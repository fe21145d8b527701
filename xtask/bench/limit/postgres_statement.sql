
-- Instead of the row trigger for UPDATE: one trigger a statement. Both transition tables are filled
-- row by row in one order, so the numbers of their rows pair old and new.
DROP TRIGGER limit_update ON users;

CREATE FUNCTION audit.limit_update_rows() RETURNS trigger
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
        table_schema, table_name, record_id, previous_record_id, before_data, after_data,
        changed_fields, schema_fingerprint,
        actor_id, actor_kind, actor_name, on_behalf_of, tenant_id, assurance, service,
        environment, request_id, causation_id, context, reason, metadata, label, severity, source
    )
    SELECT
        e.at,
        encode(set_byte(substr(int8send((extract(epoch FROM e.at) * 1000)::bigint), 3, 6)
            || substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid,
        pg_current_xact_id()::text, 1, 'UPDATE', c[12], 'success',
        'public', 'users', e.record_id,
        e.previous, e.before, e.after,
        e.changed,
        '0123456789abcdef',
        c[1], coalesce(c[2], 'unknown'), c[3], c[4], c[5], c[6], c[16], c[17], c[7], c[8],
        c[9]::json, c[10], c[11]::json, c[13], c[14], 'trigger'
    FROM (
        SELECT clock_timestamp() AS at, (n.r).id::text AS record_id,
            CASE WHEN (o.r).id <> (n.r).id THEN (o.r).id::text END AS previous,
            row_to_json(o.r) AS before, row_to_json(n.r) AS after,
            array_remove(ARRAY[
                CASE WHEN (o.r).id IS DISTINCT FROM (n.r).id THEN 'id' END,
                CASE WHEN (o.r).email IS DISTINCT FROM (n.r).email THEN 'email' END,
                CASE WHEN (o.r).name IS DISTINCT FROM (n.r).name THEN 'name' END,
                CASE WHEN (o.r).role IS DISTINCT FROM (n.r).role THEN 'role' END,
                CASE WHEN (o.r).balance IS DISTINCT FROM (n.r).balance THEN 'balance' END,
                CASE WHEN (o.r).active IS DISTINCT FROM (n.r).active THEN 'active' END,
                CASE WHEN (o.r).bio IS DISTINCT FROM (n.r).bio THEN 'bio' END,
                CASE WHEN (o.r).updated_at IS DISTINCT FROM (n.r).updated_at THEN 'updated_at' END
            ], NULL) AS changed
        FROM (SELECT row_number() OVER () AS i, r FROM old_rows AS r) AS o
        JOIN (SELECT row_number() OVER () AS i, r FROM new_rows AS r) AS n USING (i)
        WHERE o.r *<> n.r
        OFFSET 0
    ) AS e;
    RETURN NULL;
END
$$;

CREATE TRIGGER limit_update_rows AFTER UPDATE ON users
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION audit.limit_update_rows();
