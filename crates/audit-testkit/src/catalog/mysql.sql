SELECT CONCAT(kind, ' ', name), REPLACE(what, DATABASE(), '(here)') FROM (
    SELECT 'table' AS kind, CONVERT(table_name USING utf8mb4) AS name, CONVERT(CONCAT_WS(' ',
        table_type, engine, row_format, table_collation, create_options, table_comment)
        USING utf8mb4) AS what
    FROM information_schema.tables WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'column', CONVERT(CONCAT(table_name, '.', column_name) USING utf8mb4),
        CONVERT(CONCAT_WS(' ', ordinal_position, column_type, is_nullable, column_default,
        collation_name, extra, generation_expression, column_comment) USING utf8mb4)
    FROM information_schema.columns WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'check', CONVERT(CONCAT(table_name, '.', constraint_name) USING utf8mb4),
        CONVERT(check_clause USING utf8mb4)
    FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()
    UNION ALL
    SELECT 'constraint', CONVERT(CONCAT(table_name, '.', constraint_name) USING utf8mb4),
        CONVERT(constraint_type USING utf8mb4)
    FROM information_schema.table_constraints WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'key', CONVERT(CONCAT(k.table_name, '.', k.constraint_name, '.', k.column_name)
        USING utf8mb4), CONVERT(CONCAT_WS(' ', k.ordinal_position, k.referenced_table_schema,
        k.referenced_table_name, k.referenced_column_name, r.update_rule, r.delete_rule)
        USING utf8mb4)
    FROM information_schema.key_column_usage AS k
    LEFT JOIN information_schema.referential_constraints AS r
        ON r.constraint_schema = DATABASE() AND r.table_name = k.table_name
        AND r.constraint_name = k.constraint_name
    WHERE k.table_schema = DATABASE()
    UNION ALL
    SELECT 'index', CONVERT(CONCAT(table_name, '.', index_name, '.', seq_in_index) USING utf8mb4),
        CONVERT(CONCAT_WS(' ', non_unique, column_name, sub_part, index_type) USING utf8mb4)
    FROM information_schema.statistics WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'view', CONVERT(table_name USING utf8mb4), CONVERT(CONCAT_WS(' ', view_definition,
        check_option, definer, security_type) USING utf8mb4)
    FROM information_schema.views WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'trigger', CONVERT(trigger_name USING utf8mb4), CONVERT(CONCAT_WS(' ',
        event_object_table, action_timing, event_manipulation, action_order, definer, sql_mode,
        character_set_client, collation_connection, database_collation, action_statement)
        USING utf8mb4)
    FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    UNION ALL
    SELECT 'routine', CONVERT(routine_name USING utf8mb4), CONVERT(CONCAT_WS(' ', routine_type,
        definer, security_type, sql_mode, routine_definition) USING utf8mb4)
    FROM information_schema.routines WHERE routine_schema = DATABASE()
    UNION ALL
    SELECT 'event', CONVERT(event_name USING utf8mb4), CONVERT(CONCAT_WS(' ', definer, status,
        event_definition) USING utf8mb4)
    FROM information_schema.events WHERE event_schema = DATABASE()
    UNION ALL
    SELECT 'grant', CONVERT(grantee USING utf8mb4), CONVERT(privilege_type USING utf8mb4)
    FROM information_schema.schema_privileges WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'grant', CONVERT(grantee USING utf8mb4), CONVERT(CONCAT_WS(' ', privilege_type,
        table_name) USING utf8mb4)
    FROM information_schema.table_privileges WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'grant', CONVERT(grantee USING utf8mb4), CONVERT(CONCAT_WS(' ', privilege_type,
        table_name, column_name) USING utf8mb4)
    FROM information_schema.column_privileges WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'grant', CONVERT(CONCAT(user, '@', host) USING utf8mb4), CONVERT(CONCAT_WS(' ',
        routine_type, routine_name, proc_priv) USING utf8mb4)
    FROM mysql.procs_priv WHERE db = DATABASE()
) AS parts
ORDER BY 1, 2
