SELECT JSON_OBJECT(
    'has_log', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'audit_logs'
    ), 'true', 'false'), '$'),
    'has_statistics', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.USER_PRIVILEGES
        WHERE PRIVILEGE_TYPE = 'PROCESS'
            AND GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
    ), 'true', 'false'), '$'),
    'has_sizes', JSON_EXTRACT(IF(EXISTS(
        SELECT 1 FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'innodb_index_stats'
    ), 'true', 'false'), '$'),
    'has_reads', JSON_EXTRACT(IF(@@GLOBAL.userstat, 'true', 'false'), '$')
)
