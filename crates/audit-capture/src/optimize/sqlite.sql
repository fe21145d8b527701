WITH facts AS (
    SELECT (SELECT count(*) FROM main.audit_logs) AS events, @ANALYZED@ AS analyzed
)
SELECT json_object(
    'events', facts.events,
    'table_bytes', @TABLE_BYTES@,
    'tables', json_array(json_object(
        'name', 'audit_logs',
        'events', facts.events,
        -- For what is planned by orders of magnitude, less than ten times more or fewer rows are the same.
        'changed', iif(
            facts.events > 10 * facts.analyzed OR facts.analyzed > 10 * facts.events,
            abs(facts.events - facts.analyzed), 0
        ),
        'is_analyzed', json(iif(facts.analyzed IS NULL, 'false', 'true'))
    )),
    'indexes', (
        SELECT json_group_array(json_object(
            'name', own.name,
            'is_unique', json(iif(own.sql LIKE 'CREATE UNIQUE %', 'true', 'false')),
            'bytes', @INDEX_BYTES@
        ))
        FROM (
            SELECT name, sql FROM main.sqlite_schema
            WHERE type = 'index' AND tbl_name = 'audit_logs' AND sql IS NOT NULL ORDER BY name
        ) AS own
    )
)
FROM facts
