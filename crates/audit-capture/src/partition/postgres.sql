WITH log AS (
    SELECT c.oid, c.relkind, c.reltype
    FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace('audit') AND c.relname = 'audit_logs'
), parts AS (
    SELECT c.oid, c.relname, c.reltuples, pg_get_expr(c.relpartbound, c.oid) AS bounds
    FROM log
    JOIN pg_inherits AS i ON i.inhparent = log.oid
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE log.relkind = 'p'
), bounded AS (
    SELECT p.oid, p.relname, p.reltuples, p.bounds = 'DEFAULT' AS is_rest,
        substring(p.bounds FROM 'FROM \(''([^'']+)''')::timestamptz AS starts_at,
        substring(p.bounds FROM 'TO \(''([^'']+)''')::timestamptz AS ends_at
    FROM parts AS p
)
SELECT json_build_object(
    'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'has_log', EXISTS (SELECT FROM log),
    'key', (SELECT pg_get_partkeydef(oid) FROM log WHERE relkind = 'p'),
    'is_unfinished', EXISTS (
        SELECT FROM pg_constraint AS k
        WHERE k.conname = '@CHECK@'
        AND (k.conrelid IN (SELECT oid FROM log) OR k.conrelid IN (SELECT oid FROM parts))
    ),
    'obstacles', coalesce((
        SELECT json_agg(DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid))
        FROM log
        JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = log.oid
            OR d.refclassid = 'pg_type'::regclass AND d.refobjid = log.reltype
        WHERE log.relkind = 'r' AND (
            d.deptype = 'n'
            AND d.classid NOT IN ('pg_policy'::regclass, 'pg_trigger'::regclass)
            AND NOT EXISTS (
                SELECT FROM pg_constraint AS k
                WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
                AND k.conrelid = log.oid
            )
            OR d.classid = 'pg_publication_rel'::regclass
            -- A unique index has to hold the time, by which partitions are found.
            OR d.classid = 'pg_class'::regclass AND EXISTS (
                SELECT FROM pg_index AS i
                JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = 'occurred_at'
                WHERE i.indexrelid = d.objid AND i.indisunique AND NOT a.attnum = ANY (i.indkey)
            )
        )
    ), '[]'),
    'partitions', coalesce((
        SELECT json_agg(json_build_object(
            'name', b.relname,
            'starts_at', to_char(b.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'ends_at', to_char(b.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'is_rest', b.is_rest,
            'rows', greatest(b.reltuples, 0)::bigint,
            'bytes', pg_total_relation_size(b.oid)
        ) ORDER BY b.is_rest, b.starts_at NULLS FIRST)
        FROM bounded AS b
    ), '[]')
)::text
