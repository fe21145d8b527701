SELECT json_object(
    'tables', (
        SELECT json_group_array(json_object(
            'name', listed.name,
            'kind', CASE listed.type WHEN 'virtual' THEN 'virtual' ELSE 'plain' END,
            'columns', (
                SELECT json_group_array(json_object(
                    'name', info.name,
                    'type', info.type,
                    'is_required', json(CASE info."notnull" WHEN 1 THEN 'true' ELSE 'false' END)
                ))
                FROM pragma_table_xinfo(listed.name, 'main') AS info
                WHERE info.hidden <> 1
            ),
            'key', (
                SELECT json_group_array(part.name) FROM (
                    SELECT info.name FROM pragma_table_xinfo(listed.name, 'main') AS info
                    WHERE info.pk > 0 ORDER BY info.pk
                ) AS part
            )
        ))
        FROM (
            SELECT name, type FROM pragma_table_list
            WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
            ORDER BY name
        ) AS listed
    ),
    'triggers', (
        SELECT json_group_array(json_object('table', own.tbl_name, 'name', own.name, 'definition', own.sql))
        FROM (
            SELECT tbl_name, name, sql FROM sqlite_temp_schema
            WHERE type = 'trigger' AND name LIKE 'audit\_%' ESCAPE '\' ORDER BY name
        ) AS own
    ),
    'user_triggers', (
        SELECT json_group_array(json_object('table', other.tbl_name, 'name', other.name))
        FROM (
            SELECT tbl_name, name FROM main.sqlite_schema WHERE type = 'trigger'
            UNION ALL
            SELECT tbl_name, name FROM sqlite_temp_schema
            WHERE type = 'trigger' AND name NOT LIKE 'audit\_%' ESCAPE '\'
        ) AS other
    ),
    'has_log', json(CASE WHEN EXISTS (
        SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'audit_logs'
    ) THEN 'true' ELSE 'false' END),
    'was_migrated', json(CASE WHEN EXISTS (
        SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'audit_migrations'
    ) THEN 'true' ELSE 'false' END),
    'ready_indexes', (
        SELECT json_group_array(name) FROM main.sqlite_schema
        WHERE type = 'index' AND tbl_name = 'audit_logs'
    ),
    'attached', (
        SELECT json_group_array(name) FROM pragma_database_list
        WHERE name NOT IN ('main', 'temp')
    ),
    'shadows', (
        SELECT json_group_array(name) FROM sqlite_temp_schema
        WHERE type IN ('table', 'view') AND name IN ('audit_logs', 'audit_schemas')
    ),
    'compiled_switch', (
        SELECT sql FROM main.sqlite_schema WHERE type = 'view' AND name = 'audit_capture_off'
    )
)
