WITH links AS (
    SELECT f.conrelid, f.confrelid, f.condeferred, child.nspname AS child_schema, own.relname AS child,
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
            'is_generated', a.attgenerated <> ''
        ) ORDER BY a.attnum)
        FROM pg_attribute AS a
        WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    ), '[]'),
    'key', coalesce((
        SELECT json_agg(a.attname ORDER BY k.place)
        FROM pg_index AS i
        CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = k.number
        WHERE i.indrelid = r.oid AND i.indisprimary AND k.place <= i.indnkeyatts
    ), '[]'),
    'required', coalesce((
        SELECT json_agg(a.attname)
        FROM pg_attribute AS a
        WHERE a.attrelid = r.oid AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped
    ), '[]'),
    'references', coalesce((
        SELECT json_agg(json_build_object('schema', l.parent_schema, 'table', l.parent,
            'columns', l.columns, 'parent_columns', l.parent_columns, 'is_deferred', l.condeferred))
        FROM links AS l WHERE l.conrelid = r.oid
    ), '[]'),
    'referred_by', coalesce((
        SELECT json_agg(json_build_object('schema', l.child_schema, 'table', l.child,
            'columns', l.columns, 'parent_columns', l.parent_columns, 'is_deferred', l.condeferred))
        FROM links AS l WHERE l.confrelid = r.oid
    ), '[]')
)::text
FROM pg_class AS r
JOIN pg_namespace AS n ON n.oid = r.relnamespace
WHERE n.nspname = $1::text AND r.relname = $2::text AND r.relkind IN ('r', 'p')
