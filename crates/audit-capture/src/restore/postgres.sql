WITH RECURSIVE parts (relid, number, type, is_whole) AS (
    SELECT a.attrelid, a.attnum, a.atttypid, true
    FROM pg_attribute AS a
    JOIN pg_class AS own ON own.oid = a.attrelid
    JOIN pg_namespace AS n ON n.oid = own.relnamespace
    WHERE n.nspname = $1::text AND own.relname = $2::text AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT p.relid, p.number, held.type, held.is_whole
    FROM parts AS p
    JOIN pg_type AS t ON t.oid = p.type
    CROSS JOIN LATERAL (
        SELECT t.typbasetype, p.is_whole WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem, false WHERE t.typcategory = 'A'
        UNION ALL
        SELECT a.atttypid, false FROM pg_attribute AS a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS held (type, is_whole)
), documents AS (
    SELECT relid, number, bool_or(is_whole) AS is_whole
    FROM parts
    WHERE type IN ('json'::regtype, 'jsonb'::regtype)
    GROUP BY relid, number
), links AS (
    SELECT f.conrelid, f.confrelid, f.condeferred, f.confdeltype, child.nspname AS child_schema, own.relname AS child,
        parent.nspname AS parent_schema, other.relname AS parent,
        (SELECT json_agg(a.attname ORDER BY k.place)
            FROM unnest(f.conkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = k.number) AS columns,
        (SELECT json_agg(a.attname ORDER BY k.place)
            FROM unnest(f.confkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = f.confrelid AND a.attnum = k.number) AS parent_columns
    FROM pg_constraint AS f
    JOIN pg_class AS own ON own.oid = f.conrelid
    JOIN pg_namespace AS child ON child.oid = own.relnamespace
    JOIN pg_class AS other ON other.oid = f.confrelid
    JOIN pg_namespace AS parent ON parent.oid = other.relnamespace
    WHERE f.contype = 'f' AND f.conparentid = 0
)
SELECT json_build_object(
    'columns', coalesce((
        SELECT json_agg(json_build_object(
            'name', a.attname,
            'type', format_type(a.atttypid, a.atttypmod),
            'is_generated', a.attgenerated <> '',
            'is_required', a.attnotnull,
            'is_document', coalesce(d.is_whole, false),
            'has_documents', coalesce(NOT d.is_whole, false)
        ) ORDER BY a.attnum)
        FROM pg_attribute AS a
        LEFT JOIN documents AS d ON d.relid = a.attrelid AND d.number = a.attnum
        WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    ), '[]'),
    'key', coalesce((
        SELECT json_agg(a.attname ORDER BY k.place)
        FROM pg_index AS i
        CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = k.number
        WHERE i.indrelid = r.oid AND i.indisprimary AND k.place <= i.indnkeyatts
    ), '[]'),
    'references', coalesce((
        SELECT json_agg(json_build_object('schema', l.parent_schema, 'table', l.parent,
            'columns', l.columns, 'parent_columns', l.parent_columns, 'is_deferred', l.condeferred,
            'acts_on_delete', l.confdeltype <> 'a'))
        FROM links AS l WHERE l.conrelid = r.oid
    ), '[]'),
    'referred_by', coalesce((
        SELECT json_agg(json_build_object('schema', l.child_schema, 'table', l.child,
            'columns', l.columns, 'parent_columns', l.parent_columns, 'is_deferred', l.condeferred,
            'acts_on_delete', l.confdeltype <> 'a'))
        FROM links AS l WHERE l.confrelid = r.oid
    ), '[]')
)::text
FROM pg_class AS r
JOIN pg_namespace AS n ON n.oid = r.relnamespace
WHERE n.nspname = $1::text AND r.relname = $2::text AND r.relkind IN ('r', 'p')
