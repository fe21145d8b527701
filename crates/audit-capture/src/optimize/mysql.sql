SELECT JSON_OBJECT(
    'events', (
        SELECT COALESCE(own.TABLE_ROWS, 0) FROM information_schema.TABLES AS own
        WHERE own.TABLE_SCHEMA = DATABASE() AND own.TABLE_NAME = 'audit_logs'
    ),
    'table_bytes', (
        SELECT own.DATA_LENGTH FROM information_schema.TABLES AS own
        WHERE own.TABLE_SCHEMA = DATABASE() AND own.TABLE_NAME = 'audit_logs'
    ),
    'tables', @STATISTICS@,
    'indexes', (
        SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
            'name', own.name,
            'is_unique', JSON_EXTRACT(IF(own.is_unique, 'true', 'false'), '$'),
            'bytes', @SIZES@,
            'reads', @READS@
        ) ORDER BY own.name), JSON_ARRAY())
        FROM (
            SELECT part.INDEX_NAME AS name, MAX(part.NON_UNIQUE) = 0 AS is_unique
            FROM information_schema.STATISTICS AS part
            WHERE part.TABLE_SCHEMA = DATABASE() AND part.TABLE_NAME = 'audit_logs'
            GROUP BY part.INDEX_NAME
        ) AS own
    )
)
