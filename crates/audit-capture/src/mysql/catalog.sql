/*M! SET STATEMENT group_concat_max_len = 4294967295 FOR */
SELECT JSON_OBJECT(
    'mysql', JSON_OBJECT(
        'is_mariadb', JSON_EXTRACT(IF(VERSION() LIKE '%MariaDB%', 'true', 'false'), '$'),
        'log_schema', DATABASE(),
        'logs_binds', JSON_EXTRACT(IF(@@global.general_log, 'true', 'false'), '$'),
        'missing_definers', (
            SELECT COALESCE(JSON_ARRAYAGG(own.DEFINER), JSON_ARRAY())
            FROM information_schema.TRIGGERS AS own
            WHERE own.TRIGGER_SCHEMA = {schema} AND LEFT(own.ACTION_STATEMENT, 20) = 'audit_capture: BEGIN'
                AND own.DEFINER NOT IN (
                    SELECT REPLACE(GRANTEE, '''', '') FROM information_schema.USER_PRIVILEGES
                )
                AND 1 < (SELECT COUNT(DISTINCT GRANTEE) FROM information_schema.USER_PRIVILEGES)
        ),
        'droppers', (
            SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
                'account', held.account,
                'schema', {schema},
                'table', held.name
            )), JSON_ARRAY())
            FROM (
                -- Roles have no host.
                SELECT TRIM(TRAILING '@' FROM REPLACE(GRANTEE, '''', '')) AS account, NULL AS name
                FROM information_schema.SCHEMA_PRIVILEGES
                WHERE PRIVILEGE_TYPE = 'DROP' AND {schema} LIKE TABLE_SCHEMA
                UNION
                SELECT TRIM(TRAILING '@' FROM REPLACE(GRANTEE, '''', '')), TABLE_NAME
                FROM information_schema.TABLE_PRIVILEGES
                WHERE PRIVILEGE_TYPE = 'DROP' AND TABLE_SCHEMA = {schema}
            ) AS held
            WHERE held.account = CURRENT_USER() OR held.account NOT IN (
                SELECT own.DEFINER FROM information_schema.TRIGGERS AS own
                WHERE own.TRIGGER_SCHEMA = {schema} AND LEFT(own.ACTION_STATEMENT, 20) = 'audit_capture: BEGIN'
            )
        ),
        'outer_children', (
            SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
                'schema', link.CONSTRAINT_SCHEMA,
                'table', link.TABLE_NAME,
                'foreign_key', link.CONSTRAINT_NAME,
                'parent_schema', {schema},
                'parent', link.REFERENCED_TABLE_NAME
            )), JSON_ARRAY())
            FROM information_schema.REFERENTIAL_CONSTRAINTS AS link
            WHERE link.UNIQUE_CONSTRAINT_SCHEMA = {schema} AND link.CONSTRAINT_SCHEMA <> {schema}
                AND (link.DELETE_RULE IN ('CASCADE', 'SET NULL') OR link.UPDATE_RULE IN ('CASCADE', 'SET NULL'))
        )
    ),
    'tables', (
        SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
            'schema', listed.TABLE_SCHEMA,
            'name', listed.TABLE_NAME,
            'engine', listed.ENGINE,
            'columns', JSON_EXTRACT(parts.list, '$'),
            'foreign_keys', JSON_EXTRACT(COALESCE(links.list, '[]'), '$')
        )), JSON_ARRAY())
        FROM information_schema.TABLES AS listed
        JOIN (
            SELECT CAST(col.TABLE_NAME AS BINARY) AS known, JSON_ARRAYAGG(JSON_OBJECT(
                'name', col.COLUMN_NAME,
                'type', IF(documents.name IS NULL, col.COLUMN_TYPE, 'json'),
                'is_required', JSON_EXTRACT(IF(col.IS_NULLABLE = 'NO', 'true', 'false'), '$'),
                'position', col.ORDINAL_POSITION,
                'octets', col.CHARACTER_OCTET_LENGTH,
                'charset', col.CHARACTER_SET_NAME,
                'is_generated', JSON_EXTRACT(IF(col.EXTRA LIKE '%GENERATED%' OR
                    COALESCE(col.GENERATION_EXPRESSION, '') <> '', 'true', 'false'), '$'),
                'is_unique', JSON_EXTRACT(IF(uniques.name IS NULL, 'false', 'true'), '$'),
                'key_position', uniques.key_position
            )) AS list
            FROM information_schema.COLUMNS AS col
            LEFT JOIN (
                SELECT CAST(TABLE_NAME AS BINARY) AS known, COLUMN_NAME AS name,
                    MAX(IF(INDEX_NAME = 'PRIMARY', SEQ_IN_INDEX, NULL)) AS key_position
                FROM information_schema.STATISTICS
                WHERE TABLE_SCHEMA = {schema} AND NON_UNIQUE = 0
                GROUP BY CAST(TABLE_NAME AS BINARY), COLUMN_NAME
            ) AS uniques ON uniques.known = CAST(col.TABLE_NAME AS BINARY) AND uniques.name = col.COLUMN_NAME
            LEFT JOIN (
                SELECT NULL AS known, NULL AS name
                /*M! UNION ALL
                SELECT CAST(TABLE_NAME AS BINARY), CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS
                WHERE CONSTRAINT_SCHEMA = {schema} AND LEVEL = 'Column'
                    AND CHECK_CLAUSE = CONCAT('json_valid(`', REPLACE(CONSTRAINT_NAME, '`', '``'), '`)') */
            ) AS documents ON documents.known = CAST(col.TABLE_NAME AS BINARY) AND documents.name = col.COLUMN_NAME
            WHERE col.TABLE_SCHEMA = {schema}
                AND COALESCE(col.GENERATION_EXPRESSION, '') NOT IN ('ROW START', 'ROW END')
            GROUP BY CAST(col.TABLE_NAME AS BINARY)
        ) AS parts ON parts.known = CAST(listed.TABLE_NAME AS BINARY)
        LEFT JOIN (
            SELECT CAST(link.TABLE_NAME AS BINARY) AS known, JSON_ARRAYAGG(JSON_OBJECT(
                'name', link.CONSTRAINT_NAME,
                'column', link.COLUMN_NAME,
                'position', link.ORDINAL_POSITION,
                'parent_schema', link.REFERENCED_TABLE_SCHEMA,
                'parent', link.REFERENCED_TABLE_NAME,
                'parent_column', link.REFERENCED_COLUMN_NAME,
                'on_delete', rule.DELETE_RULE,
                'on_update', rule.UPDATE_RULE
            )) AS list
            FROM information_schema.KEY_COLUMN_USAGE AS link
            JOIN information_schema.REFERENTIAL_CONSTRAINTS AS rule
                ON rule.CONSTRAINT_SCHEMA = {schema} AND CAST(rule.TABLE_NAME AS BINARY) = CAST(link.TABLE_NAME AS BINARY)
                    AND rule.CONSTRAINT_NAME = link.CONSTRAINT_NAME
            WHERE link.TABLE_SCHEMA = {schema} AND link.REFERENCED_TABLE_NAME IS NOT NULL
            GROUP BY CAST(link.TABLE_NAME AS BINARY)
        ) AS links ON links.known = CAST(listed.TABLE_NAME AS BINARY)
        WHERE listed.TABLE_SCHEMA = {schema} AND listed.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
            AND listed.TABLE_NAME REGEXP {only}
    ),
    'triggers', (
        SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
            'schema', own.TRIGGER_SCHEMA,
            'table', own.EVENT_OBJECT_TABLE,
            'name', own.TRIGGER_NAME,
            'definition', CONCAT_WS(' ', own.ACTION_TIMING, own.EVENT_MANIPULATION,
                IF(own.SQL_MODE = '', 'plain', own.SQL_MODE), own.CHARACTER_SET_CLIENT,
                REPLACE(REPLACE(own.ACTION_STATEMENT, '''', ''), CHAR(92 USING utf8mb4), '')),
            'order', own.ACTION_ORDER
        )), JSON_ARRAY())
        FROM information_schema.TRIGGERS AS own
        WHERE own.TRIGGER_SCHEMA = {schema} AND LEFT(own.ACTION_STATEMENT, 20) = 'audit_capture: BEGIN'
            AND own.EVENT_OBJECT_TABLE REGEXP {only}
    ),
    'user_triggers', (
        SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
            'schema', other.TRIGGER_SCHEMA,
            'table', other.EVENT_OBJECT_TABLE,
            'name', other.TRIGGER_NAME,
            'event', CONCAT(other.ACTION_TIMING, ' ', other.EVENT_MANIPULATION),
            'order', other.ACTION_ORDER
        )), JSON_ARRAY())
        FROM information_schema.TRIGGERS AS other
        WHERE other.TRIGGER_SCHEMA = {schema} AND LEFT(other.ACTION_STATEMENT, 20) <> 'audit_capture: BEGIN'
    ),
    'has_log', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_logs'
    ), 'true', 'false'), '$'),
    'was_migrated', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_migrations'
    ), 'true', 'false'), '$'),
    'ready_indexes', (
        SELECT COALESCE(JSON_ARRAYAGG(part.INDEX_NAME), JSON_ARRAY())
        FROM information_schema.STATISTICS AS part
        WHERE part.TABLE_SCHEMA = DATABASE() AND part.TABLE_NAME = 'audit_logs' AND part.SEQ_IN_INDEX = 1
    ),
    'months_end', (
        SELECT DATE_FORMAT(COALESCE(MAX(month.ends_at), UTC_TIMESTAMP()), '%Y-%m-%d')
        FROM (
            SELECT PARTITION_DESCRIPTION = 'MAXVALUE' AS is_rest,
                IF(PARTITION_DESCRIPTION = 'MAXVALUE', NULL,
                    CAST(REPLACE(PARTITION_DESCRIPTION, '''', '') AS DATETIME)) AS ends_at
            FROM information_schema.PARTITIONS
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_logs'
                AND PARTITION_METHOD = 'RANGE COLUMNS' AND PARTITION_EXPRESSION = '`occurred_at`'
        ) AS month
        HAVING MAX(month.is_rest)
            AND COALESCE(MAX(month.ends_at), UTC_TIMESTAMP()) < UTC_TIMESTAMP() + INTERVAL 14 DAY
    ),
    'change_unfinished', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
            AND TABLE_NAME IN ('audit_logs_new', 'audit_logs_rest')
    ), 'true', 'false'), '$')
)
