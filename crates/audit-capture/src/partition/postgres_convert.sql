-- The log becomes a table of partitions, and what it was becomes the first of them. Everything that was
-- on it is put on the new table, and the indexes are those that it had.
DO $audit$
DECLARE
    v_log regclass := 'audit.audit_logs'::regclass;
    v_made text[] := ARRAY['audit_logs'];
    v_owner name;
    v_later text[];
    v_name text;
    v_text text;
BEGIN
@LOCK@
    SELECT pg_get_userbyid(c.relowner) INTO v_owner FROM pg_catalog.pg_class AS c WHERE c.oid = v_log;
    -- By now these texts are of the old table, and they name it as the new one will be named.
    SELECT array_agg(x.text ORDER BY x.place) INTO v_later FROM (
        SELECT 1 AS place, format(
            'ALTER TABLE audit.audit_logs ADD CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)
        ) AS text
        FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = v_log AND k.contype IN ('p', 'u', 'x')
        UNION ALL
        SELECT 1, pg_get_indexdef(i.indexrelid)
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = v_log AND i.indisvalid AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint AS k
            WHERE k.conrelid = v_log AND k.conindid = i.indexrelid
        )
        UNION ALL
        SELECT 2, format('COMMENT ON TABLE audit.audit_logs IS %L', d.description)
        FROM pg_catalog.pg_description AS d
        WHERE d.classoid = 'pg_class'::regclass AND d.objoid = v_log AND d.objsubid = 0
        UNION ALL
        SELECT 2, format(
            'CREATE POLICY %I ON audit.audit_logs AS %s FOR %s TO %s%s%s', p.polname,
            CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
            (
                SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ')
                FROM unnest(p.polroles) AS r
            ),
            ' USING (' || pg_get_expr(p.polqual, v_log) || ')',
            ' WITH CHECK (' || pg_get_expr(p.polwithcheck, v_log) || ')'
        )
        FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid = v_log
        UNION ALL
        SELECT 2, 'ALTER TABLE audit.audit_logs ' || s.setting
        FROM pg_catalog.pg_class AS c
        CROSS JOIN LATERAL (VALUES
            (c.relrowsecurity, 'ENABLE ROW LEVEL SECURITY'),
            (c.relforcerowsecurity, 'FORCE ROW LEVEL SECURITY')
        ) AS s (is_on, setting)
        WHERE c.oid = v_log AND s.is_on
        UNION ALL
        SELECT 3, pg_get_triggerdef(t.oid)
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = v_log AND NOT t.tgisinternal
        UNION ALL
        SELECT 4, format(
            'ALTER TABLE audit.audit_logs %s TRIGGER %I',
            CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS'
                ELSE 'ENABLE REPLICA' END,
            t.tgname
        )
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = v_log AND NOT t.tgisinternal AND t.tgenabled <> 'O'
        UNION ALL
        SELECT 5, format(
            'GRANT %s%s ON audit.audit_logs TO %s%s', a.privilege_type,
            '(' || quote_ident(a.attname) || ')',
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
            CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END
        )
        FROM (
            SELECT NULL AS attname, acl.*
            FROM pg_catalog.pg_class AS c CROSS JOIN pg_catalog.aclexplode(c.relacl) AS acl
            WHERE c.oid = v_log
            UNION ALL
            SELECT t.attname, acl.*
            FROM pg_catalog.pg_attribute AS t CROSS JOIN pg_catalog.aclexplode(t.attacl) AS acl
            WHERE t.attrelid = v_log AND NOT t.attisdropped
        ) AS a
        WHERE a.grantee <> (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = v_log)
    ) AS x;
    FOR v_name IN
        SELECT c.relname
        FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = v_log
    LOOP
        EXECUTE format('ALTER INDEX audit.%I RENAME TO %I', v_name, v_name || '_past');
    END LOOP;
    FOR v_name IN
        SELECT t.tgname FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = v_log AND NOT t.tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON audit.audit_logs', v_name);
    END LOOP;
    ALTER TABLE audit.audit_logs RENAME TO audit_logs_past;
    CREATE TABLE audit.audit_logs (LIKE audit.audit_logs_past INCLUDING ALL EXCLUDING INDEXES)
        PARTITION BY RANGE (occurred_at);
    ALTER TABLE audit.audit_logs DROP CONSTRAINT @CHECK@;
@OWN@
    FOREACH v_text IN ARRAY v_later LOOP
        EXECUTE v_text;
    END LOOP;
    -- The constraint says what the bounds ask for, so the rows are not read again.
    ALTER TABLE audit.audit_logs ATTACH PARTITION audit.audit_logs_past @BOUNDS@;
    ALTER TABLE audit.audit_logs_past DROP CONSTRAINT @CHECK@;
@MAKE@
    v_made := ARRAY[@NAMES@];
@OWN@
END
$audit$
