WITH scope AS (
    SELECT n.oid, n.nspname
    FROM pg_namespace AS n
    WHERE n.nspname = ANY (
        CASE
            WHEN $1::text = '[]' THEN ARRAY[current_schema()::text]
            ELSE ARRAY(SELECT json_array_elements_text($1::text::json))
        END
    )
    AND n.nspname NOT IN ('audit', 'information_schema') AND n.nspname !~ '^pg_'
), relations AS (
    SELECT c.oid, s.nspname, c.relname, c.relkind, c.relowner, c.relnatts, c.relrowsecurity
    FROM pg_class AS c
    JOIN pg_namespace AS s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND NOT c.relispartition
    AND (
        s.oid IN (SELECT oid FROM scope)
        OR s.nspname = 'audit' AND c.relname IN ('audit_probe', 'audit_settings')
    )
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
), volatile AS (
    SELECT DISTINCT p.proname AS name
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    JOIN pg_language AS l ON l.oid = p.prolang
    WHERE p.provolatile = 'v' AND p.prokind = 'f' AND l.lanname NOT IN ('internal', 'c')
    AND p.prorettype <> ALL (ARRAY['trigger'::regtype, 'event_trigger'::regtype])
    AND n.nspname NOT IN ('audit', 'information_schema') AND n.nspname !~ '^pg_'
), audit_schema AS (
    SELECT oid FROM pg_namespace WHERE nspname = 'audit'
), ours AS (
    SELECT t.*, p.pronamespace, p.proname, p.prosecdef, p.proconfig, p.prosrc
    FROM pg_trigger AS t
    JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE t.tgparentid = 0 AND NOT t.tgisinternal AND (
        p.pronamespace IN (SELECT oid FROM audit_schema) OR t.tgname LIKE '!audit\_%'
    )
), armed_triggers AS (
    SELECT r.oid AS table_oid, t.tgname, t.tgtype, l.lanname, p.prosrc
    FROM relations AS r
    JOIN pg_trigger AS t ON t.tgrelid = r.oid
        OR r.relkind = 'p' AND t.tgrelid IN (SELECT x.relid FROM pg_partition_tree(r.oid) AS x)
    JOIN pg_proc AS p ON p.oid = t.tgfoid
    JOIN pg_language AS l ON l.oid = p.prolang
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
    AND t.tgfoid NOT IN (SELECT tgfoid FROM ours)
), log AS (
    SELECT c.oid, c.relkind, c.relowner, c.relacl, c.relrowsecurity
    FROM pg_class AS c
    JOIN audit_schema AS a ON a.oid = c.relnamespace
    WHERE c.relname = 'audit_logs'
), log_parts AS (
    SELECT oid, relowner, relacl, NULL AS bounds FROM log
    UNION ALL
    SELECT c.oid, c.relowner, c.relacl, pg_get_expr(c.relpartbound, c.oid)
    FROM log
    JOIN pg_inherits AS i ON i.inhparent = log.oid
    JOIN pg_class AS c ON c.oid = i.inhrelid
)
SELECT json_build_object(
    'has_log', EXISTS (SELECT FROM log),
    'was_migrated', EXISTS (
        SELECT FROM pg_class AS c
        JOIN audit_schema AS a ON a.oid = c.relnamespace
        WHERE c.relname = 'audit_migrations'
    ),
    'months_end', (
        SELECT to_char(m.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
        FROM (
            SELECT bool_or(p.bounds = 'DEFAULT') AS has_rest, coalesce(
                max(substring(p.bounds FROM 'TO \(''([^'']+)''')::timestamptz), now()
            ) AS ends_at
            FROM log_parts AS p
        ) AS m
        CROSS JOIN log
        WHERE m.has_rest AND pg_get_partkeydef(log.oid) = 'RANGE (occurred_at)'
        AND m.ends_at < now() + interval '14 days'
    ),
    'ready_indexes', coalesce((
        SELECT json_agg(c.relname)
        FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid IN (SELECT oid FROM log) AND i.indisvalid
    ), '[]'),
    'change_unfinished', EXISTS (
        SELECT FROM pg_constraint AS k
        WHERE k.conname = 'audit_logs_until' AND k.conrelid IN (SELECT oid FROM log_parts)
    ),
    'tables', coalesce((
        SELECT json_agg(json_build_object(
            'schema', r.nspname,
            'name', r.relname,
            'kind', CASE r.relkind
                WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'plain'
            END,
            'owner', pg_get_userbyid(r.relowner),
            'last_number', r.relnatts,
            'truncate_unseen', r.relkind = 'f' AND current_setting('server_version_num')::int < 160000,
            'row_triggers_only', EXISTS (
                SELECT FROM pg_inherits AS i WHERE r.oid IN (i.inhrelid, i.inhparent)
            ) OR EXISTS (
                SELECT FROM pg_attribute AS a
                WHERE a.attrelid = r.oid AND NOT a.attisdropped AND a.attgenerated = 'v'
            ) OR EXISTS (
                SELECT FROM pg_trigger AS t
                WHERE t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgtype & 66 = 0
                AND t.oid NOT IN (SELECT oid FROM ours)
            ),
            'partitions', coalesce((
                SELECT json_agg(json_build_array(n.nspname, c.relname)
                    ORDER BY n.nspname, c.relname)
                FROM pg_partition_tree(r.oid) AS p
                JOIN pg_class AS c ON c.oid = p.relid
                JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE p.level > 0 AND c.relkind IN ('r', 'p')
            ), '[]'),
            'columns', coalesce((
                SELECT json_agg(json_build_object(
                    'name', a.attname,
                    'type', format_type(a.atttypid, a.atttypmod),
                    'is_required', a.attnotnull,
                    'number', a.attnum,
                    'custom_type', a.atttypid >= 16384
                ) ORDER BY a.attnum)
                FROM pg_attribute AS a
                WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated <> 'v'
            ), '[]'),
            'has_virtual_columns', EXISTS (
                SELECT FROM pg_attribute AS a
                WHERE a.attrelid = r.oid AND NOT a.attisdropped AND a.attgenerated = 'v'
            ),
            'key', coalesce((
                SELECT json_agg(a.attname ORDER BY k.place)
                FROM pg_index AS i
                CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = k.number
                WHERE i.indrelid = r.oid AND i.indisprimary AND k.place <= i.indnkeyatts
            ), '[]'),
            'inline', json_build_object(
                'has_rules', EXISTS (
                    SELECT FROM pg_rewrite AS w WHERE w.ev_class = r.oid AND w.ev_enabled <> 'D'
                ),
                'is_inherited', r.relkind <> 'p' AND EXISTS (
                    SELECT FROM pg_inherits AS i WHERE r.oid IN (i.inhrelid, i.inhparent)
                ),
                'is_readable', has_table_privilege(r.oid, 'SELECT'),
                'has_row_security', r.relrowsecurity,
                'generated_key', coalesce((
                    SELECT json_agg(a.attname ORDER BY a.attname)
                    FROM pg_index AS i
                    JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = ANY (i.indkey)
                    WHERE i.indrelid = r.oid AND i.indisprimary AND a.attgenerated <> ''
                ), '[]'),
                'setting_triggers', coalesce((
                    SELECT json_agg(DISTINCT u.tgname ORDER BY u.tgname)
                    FROM armed_triggers AS u
                    WHERE u.table_oid = r.oid AND u.tgtype & 19 = 19
                ), '[]'),
                'writing_triggers', coalesce((
                    SELECT json_agg(DISTINCT u.tgname ORDER BY u.tgname)
                    FROM armed_triggers AS u
                    WHERE u.table_oid = r.oid AND u.lanname NOT IN ('internal', 'c') AND (
                        u.lanname <> 'plpgsql' OR u.prosrc ~* concat(
                            '\m(call|copy|delete|execute|insert|merge|perform|truncate|update)\M|u&"',
                            (SELECT string_agg('|\m' || v.name || '\M', '') FROM volatile AS v
                            WHERE v.name ~ '^[a-z_][a-z0-9_]*$')
                        ) OR EXISTS (
                            SELECT FROM volatile AS v
                            WHERE v.name !~ '^[a-z_][a-z0-9_]*$'
                            AND strpos(u.prosrc, replace(v.name, '"', '""')) > 0
                        )
                    )
                ), '[]'),
                'cascades', coalesce((
                    SELECT json_agg(json_build_object(
                        'schema', n.nspname,
                        'table', c.relname,
                        'on_delete', k.confdeltype IN ('c', 'n', 'd'),
                        'on_update', k.confupdtype IN ('c', 'n', 'd'),
                        'columns', (
                            SELECT json_agg(a.attname)
                            FROM pg_attribute AS a
                            WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)
                        )
                    ) ORDER BY n.nspname, c.relname, k.conname)
                    FROM pg_constraint AS k
                    JOIN pg_class AS c ON c.oid = k.conrelid
                    JOIN pg_namespace AS n ON n.oid = c.relnamespace
                    WHERE k.contype = 'f' AND k.conparentid = 0 AND (
                        k.confrelid = r.oid OR r.relkind = 'p' AND k.confrelid IN (
                            SELECT x.relid FROM pg_partition_tree(r.oid) AS x
                        )
                    )
                    AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
                ), '[]')
            )
        ) ORDER BY r.nspname, r.relname)
        FROM relations AS r
    ), '[]'),
    'triggers', coalesce((
        SELECT json_agg(json_build_object(
            'schema', s.nspname,
            'table', c.relname,
            'name', o.tgname,
            'definition', concat_ws(E'\n',
                'type ' || o.tgtype,
                'enabled ' || (
                    SELECT string_agg(DISTINCT same.tgenabled::text, '')
                    FROM pg_trigger AS same
                    WHERE same.tgfoid = o.tgfoid AND same.tgname = o.tgname AND (
                        same.oid = o.oid OR c.relkind = 'p' AND same.tgparentid <> 0
                        AND pg_partition_root(same.tgrelid) = c.oid
                    )
                ),
                'when ' || CASE WHEN o.tgqual IS NULL THEN '' ELSE replace(
                    substring(pg_get_triggerdef(o.oid) FROM ' WHEN \((.*)\) EXECUTE FUNCTION '),
                    'OPERATOR(pg_catalog.*<>)', '*<>'
                ) END,
                'rows ' || concat_ws(' ', o.tgoldtable, o.tgnewtable),
                'columns ' || o.tgattr::text,
                'arguments ' || o.tgnargs,
                'constraint ' || (o.tgconstraint <> 0),
                'function ' || o.pronamespace::regnamespace || '.' || o.proname,
                'definer ' || o.prosecdef,
                'settings ' || array_to_string(o.proconfig, '; '),
                o.prosrc
            )
        ) ORDER BY s.nspname, c.relname, o.tgname)
        FROM ours AS o
        JOIN pg_class AS c ON c.oid = o.tgrelid
        JOIN pg_namespace AS s ON s.oid = c.relnamespace
        WHERE s.oid IN (SELECT oid FROM scope)
        OR coalesce(pg_partition_root(c.oid), c.oid) IN (SELECT oid FROM relations)
    ), '[]'),
    'user_triggers', coalesce((
        SELECT json_agg(json_build_object('schema', s.nspname, 'table', c.relname, 'name', t.tgname)
            ORDER BY s.nspname, c.relname, t.tgname)
        FROM pg_trigger AS t
        JOIN pg_class AS c ON c.oid = t.tgrelid
        JOIN scope AS s ON s.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgtype & 66 = 0
        AND t.oid NOT IN (SELECT oid FROM ours)
    ), '[]'),
    'postgres', json_build_object(
        'version', current_setting('server_version_num')::int,
        'logs_binds', current_setting('log_parameter_max_length') <> '0' AND EXISTS (
            SELECT FROM pg_settings AS s
            WHERE s.name = 'log_statement' AND s.setting = 'all'
                OR s.name IN ('log_min_duration_statement', 'log_min_duration_sample')
                    AND s.setting <> '-1'
        ),
        'has_large_objects', EXISTS (SELECT FROM pg_largeobject_metadata),
        'functions', coalesce((
            SELECT json_agg(json_build_object(
                'name', p.proname,
                'definition', concat_ws(E'\n',
                    'definer ' || p.prosecdef,
                    'settings ' || array_to_string(p.proconfig, '; '),
                    p.prosrc
                )
            ) ORDER BY p.proname)
            FROM pg_proc AS p
            JOIN audit_schema AS a ON a.oid = p.pronamespace
            WHERE p.prorettype <> 'trigger'::regtype
        ), '[]'),
        'volatile_functions', coalesce((SELECT json_agg(name ORDER BY name) FROM volatile), '[]'),
        'lone_tables', coalesce((
            SELECT json_agg(json_build_array(n.nspname, c.relname) ORDER BY n.nspname, c.relname)
            FROM pg_class AS c
            JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND c.relpersistence <> 't'
            AND n.nspname NOT IN ('audit', 'information_schema') AND n.nspname !~ '^pg_'
            AND c.oid NOT IN (SELECT oid FROM relations)
            AND NOT EXISTS (SELECT FROM pg_inherits AS i WHERE c.oid IN (i.inhrelid, i.inhparent))
            AND NOT EXISTS (SELECT FROM pg_rewrite AS w WHERE w.ev_class = c.oid)
            AND NOT EXISTS (
                SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
            )
            AND NOT EXISTS (
                SELECT FROM pg_constraint AS k
                WHERE k.contype = 'f' AND k.confrelid = c.oid
                AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
            )
        ), '[]'),
        'superusers', coalesce((
            SELECT json_agg(DISTINCT r.rolname)
            FROM pg_roles AS r
            WHERE r.rolsuper AND (
                r.oid IN (SELECT relowner FROM log) OR r.oid IN (
                    SELECT p.proowner FROM pg_proc AS p
                    JOIN audit_schema AS a ON a.oid = p.pronamespace
                )
            )
        ), '[]'),
        'writers', coalesce((
            SELECT json_agg(DISTINCT w.name)
            FROM (
                SELECT coalesce(r.rolname, 'PUBLIC') AS name
                FROM log_parts AS p
                CROSS JOIN aclexplode(p.relacl) AS acl
                LEFT JOIN pg_roles AS r ON r.oid = acl.grantee
                WHERE acl.grantee <> p.relowner
                AND acl.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
                UNION
                SELECT current_user
                FROM log_parts AS p
                WHERE has_table_privilege(p.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
            ) AS w
        ), '[]'),
        'log_triggers', coalesce((
            SELECT json_agg(x.name ORDER BY x.name)
            FROM (
                SELECT t.tgname::text AS name FROM pg_trigger AS t
                WHERE t.tgrelid IN (SELECT oid FROM log_parts) AND NOT t.tgisinternal
                AND t.tgparentid = 0
                UNION ALL
                SELECT w.rulename::text FROM pg_rewrite AS w
                WHERE w.ev_class IN (SELECT oid FROM log_parts)
            ) AS x
        ), '[]'),
        'foreign_types', coalesce((
            SELECT json_agg(DISTINCT jsonb_build_array(
                format_type(y.oid, NULL), pg_get_userbyid(y.typowner)
            ))
            FROM relations AS r
            JOIN pg_attribute AS a
                ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
            JOIN pg_type AS x ON x.oid = a.atttypid
            JOIN pg_type AS y ON y.oid = CASE WHEN x.typelem = 0 THEN x.oid ELSE x.typelem END
            CROSS JOIN log
            WHERE y.oid >= 16384 AND y.typowner <> log.relowner
            AND NOT (SELECT o.rolsuper FROM pg_roles AS o WHERE o.oid = y.typowner)
        ), '[]'),
        'json_casts', coalesce((
            SELECT json_agg(DISTINCT format_type(k.castsource, NULL))
            FROM pg_cast AS k
            WHERE k.casttarget = 'json'::regtype AND k.castsource >= 16384 AND k.castfunc <> 0
            AND NOT EXISTS (
                SELECT FROM pg_depend AS d
                WHERE d.classid = 'pg_cast'::regclass AND d.objid = k.oid AND d.deptype = 'e'
            )
        ), '[]')
    )
)::text
