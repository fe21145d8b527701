/*M! SET STATEMENT group_concat_max_len = 4294967295 FOR */
SELECT JSON_OBJECT(
    'is_mariadb', JSON_EXTRACT(IF(VERSION() LIKE '%MariaDB%', 'true', 'false'), '$'),
    'columns', (
        SELECT JSON_ARRAYAGG(JSON_OBJECT(
            'name', col.COLUMN_NAME,
            'type', IF(documents.name IS NULL, col.COLUMN_TYPE, 'json'),
            'octets', col.CHARACTER_OCTET_LENGTH,
            'charset', col.CHARACTER_SET_NAME,
            'is_required', JSON_EXTRACT(IF(col.IS_NULLABLE = 'NO', 'true', 'false'), '$'),
            'is_document', JSON_EXTRACT(
                IF(documents.name IS NOT NULL OR col.COLUMN_TYPE = 'json', 'true', 'false'), '$'),
            'is_generated', JSON_EXTRACT(IF(col.EXTRA LIKE '%GENERATED%' OR
                COALESCE(col.GENERATION_EXPRESSION, '') <> '', 'true', 'false'), '$')
        ))
        FROM information_schema.COLUMNS AS col
        LEFT JOIN (
            SELECT NULL AS name
            /*M! UNION ALL
            SELECT CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS
            WHERE CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME = {table} AND LEVEL = 'Column'
                AND CHECK_CLAUSE = CONCAT('json_valid(`', REPLACE(CONSTRAINT_NAME, '`', '``'), '`)') */
        ) AS documents ON documents.name = col.COLUMN_NAME
        WHERE col.TABLE_SCHEMA = {schema} AND col.TABLE_NAME = {table}
            AND COALESCE(col.GENERATION_EXPRESSION, '') NOT IN ('ROW START', 'ROW END')
    ),
    'key', JSON_EXTRACT(COALESCE((
        SELECT JSON_ARRAYAGG(part.COLUMN_NAME ORDER BY part.SEQ_IN_INDEX)
        FROM information_schema.STATISTICS AS part
        WHERE part.TABLE_SCHEMA = {schema} AND part.TABLE_NAME = {table} AND part.INDEX_NAME = 'PRIMARY'
    ), '[]'), '$'),
    'references', JSON_EXTRACT(COALESCE((
        SELECT JSON_ARRAYAGG(link.entry) FROM (
            SELECT JSON_OBJECT('schema', MIN(part.REFERENCED_TABLE_SCHEMA), 'table', MIN(part.REFERENCED_TABLE_NAME),
                'columns', JSON_ARRAYAGG(part.COLUMN_NAME ORDER BY part.ORDINAL_POSITION),
                'parent_columns', JSON_ARRAYAGG(part.REFERENCED_COLUMN_NAME ORDER BY part.ORDINAL_POSITION)) AS entry
            FROM information_schema.KEY_COLUMN_USAGE AS part
            WHERE part.TABLE_SCHEMA = {schema} AND part.TABLE_NAME = {table} AND part.REFERENCED_TABLE_NAME IS NOT NULL
            GROUP BY part.CONSTRAINT_NAME
        ) AS link
    ), '[]'), '$'),
    'referred_by', JSON_EXTRACT(COALESCE((
        SELECT JSON_ARRAYAGG(link.entry) FROM (
            SELECT JSON_OBJECT('schema', MIN(part.TABLE_SCHEMA), 'table', MIN(part.TABLE_NAME),
                'columns', JSON_ARRAYAGG(part.COLUMN_NAME ORDER BY part.ORDINAL_POSITION),
                'parent_columns', JSON_ARRAYAGG(part.REFERENCED_COLUMN_NAME ORDER BY part.ORDINAL_POSITION)) AS entry
            FROM information_schema.KEY_COLUMN_USAGE AS part
            WHERE part.REFERENCED_TABLE_SCHEMA = {schema} AND part.REFERENCED_TABLE_NAME = {table}
            GROUP BY part.TABLE_SCHEMA, part.TABLE_NAME, part.CONSTRAINT_NAME
        ) AS link
    ), '[]'), '$')
)
FROM information_schema.TABLES AS listed
WHERE listed.TABLE_SCHEMA = {schema} AND listed.TABLE_NAME = {table}
    AND listed.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
