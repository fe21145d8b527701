SELECT json_object(
    'has_log', json(iif(EXISTS(
        SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'audit_logs'
    ), 'true', 'false')),
    'has_statistics', json(iif(EXISTS(
        SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'
    ), 'true', 'false')),
    'has_sizes', json(iif(EXISTS(
        SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'
    ), 'true', 'false')),
    'has_reads', json('false')
)
