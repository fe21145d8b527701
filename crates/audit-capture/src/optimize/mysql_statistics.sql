(
        SELECT IF(COUNT(*) = 0, JSON_ARRAY(), JSON_ARRAY(JSON_OBJECT(
            'name', 'audit_logs',
            'events', SUM(own.NUM_ROWS),
            'changed', SUM(own.MODIFIED_COUNTER),
            'is_analyzed', JSON_EXTRACT('true', '$')
        )))
        FROM information_schema.INNODB_SYS_TABLESTATS AS own
        WHERE own.NAME = CONCAT(DATABASE(), '/audit_logs')
            OR LEFT(own.NAME, CHAR_LENGTH(DATABASE()) + 14) = CONCAT(DATABASE(), '/audit_logs#P#')
    )
