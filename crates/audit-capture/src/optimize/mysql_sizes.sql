(
                SELECT SUM(size.stat_value) * @@innodb_page_size
                FROM mysql.innodb_index_stats AS size
                WHERE size.database_name = DATABASE() AND size.index_name = own.name
                    AND size.stat_name = 'size'
                    AND (size.table_name = 'audit_logs' OR LEFT(size.table_name, 13) = 'audit_logs#P#')
            )
