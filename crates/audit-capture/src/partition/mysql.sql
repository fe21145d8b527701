SELECT JSON_OBJECT(
    'now', DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ'),
    'is_mysql', JSON_EXTRACT(IF(VERSION() LIKE '%MariaDB%', 'false', 'true'), '$'),
    'has_log', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_logs'
    ), 'true', 'false'), '$'),
    'key', (
        SELECT CONCAT(part.PARTITION_METHOD, ' (', part.PARTITION_EXPRESSION, ')')
        FROM information_schema.PARTITIONS AS part
        WHERE part.TABLE_SCHEMA = DATABASE() AND part.TABLE_NAME = 'audit_logs' LIMIT 1
    ),
    'is_unfinished', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('@NEW@', '@REST@')
    ), 'true', 'false'), '$'),
    'has_new', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '@NEW@'
    ), 'true', 'false'), '$'),
    'obstacles', (
        SELECT COALESCE(JSON_ARRAYAGG(CONCAT('trigger ', own.TRIGGER_NAME)), JSON_ARRAY())
        FROM information_schema.TRIGGERS AS own
        WHERE own.EVENT_OBJECT_SCHEMA = DATABASE() AND own.EVENT_OBJECT_TABLE = 'audit_logs'
    ),
    'partitions', (
        SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
            'name', part.PARTITION_NAME,
            'ends_at', IF(part.PARTITION_DESCRIPTION = 'MAXVALUE', NULL, DATE_FORMAT(
                REPLACE(part.PARTITION_DESCRIPTION, '''', ''), '%Y-%m-%dT%H:%i:%sZ')),
            'is_rest', JSON_EXTRACT(
                IF(part.PARTITION_DESCRIPTION = 'MAXVALUE', 'true', 'false'), '$'),
            'rows', part.TABLE_ROWS,
            'bytes', part.DATA_LENGTH + part.INDEX_LENGTH
        ) ORDER BY part.PARTITION_ORDINAL_POSITION), JSON_ARRAY())
        FROM information_schema.PARTITIONS AS part
        WHERE part.TABLE_SCHEMA = DATABASE() AND part.TABLE_NAME = 'audit_logs'
            AND part.PARTITION_NAME IS NOT NULL
    )
)
