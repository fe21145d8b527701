(
        SELECT IF(COUNT(*) = 0, JSON_ARRAY(), JSON_ARRAY(JSON_OBJECT(
            'name', 'audit_logs',
            'events', SUM(own.NUM_ROWS),
            'changed', SUM(own.MODIFIED_COUNTER),
            'is_analyzed', JSON_EXTRACT('true', '$')
        )))
        FROM information_schema.INNODB_SYS_TABLESTATS AS own
        JOIN (
            -- Names are there as those of the files are written: `my-db` is `my@002ddb`.
            SELECT CONCAT(
                CONVERT(CAST(CONVERT(DATABASE() USING filename) AS BINARY) USING utf8mb4), '/audit_logs'
            ) AS log
        ) AS named
        WHERE own.NAME = named.log
            OR LEFT(own.NAME, CHAR_LENGTH(named.log) + 3) = CONCAT(named.log, '#P#')
    )
