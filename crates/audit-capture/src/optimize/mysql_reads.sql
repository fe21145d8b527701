(
                SELECT COALESCE(SUM(used.ROWS_READ), 0)
                FROM information_schema.INDEX_STATISTICS AS used
                WHERE used.TABLE_SCHEMA = DATABASE() AND used.TABLE_NAME = 'audit_logs'
                    AND used.INDEX_NAME = own.name
            )
