WITH log AS (
    SELECT c.oid, c.relname, c.relkind, c.reltuples
    FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace('audit') AND c.relname = 'audit_logs'
), leaves AS (
    SELECT log.oid, log.relname, log.reltuples FROM log WHERE log.relkind = 'r'
    UNION ALL
    SELECT c.oid, c.relname, c.reltuples
    FROM log
    JOIN pg_inherits AS i ON i.inhparent = log.oid
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE log.relkind = 'p'
), counted AS (
    SELECT l.oid, l.relname,
        greatest(l.reltuples, pg_stat_get_live_tuples(l.oid), 0)::bigint AS events,
        pg_stat_get_mod_since_analyze(l.oid) AS changed,
        pg_stat_get_dead_tuples(l.oid) AS dead,
        -- A VACUUM counts rows as well, and makes no statistics.
        l.reltuples >= 0 AND NOT (
            pg_stat_get_last_analyze_time(l.oid) IS NULL
            AND pg_stat_get_last_autoanalyze_time(l.oid) IS NULL
            AND pg_stat_get_live_tuples(l.oid) > 0
            AND pg_stat_get_mod_since_analyze(l.oid) >= pg_stat_get_live_tuples(l.oid)
        ) AS is_analyzed
    FROM leaves AS l
), indexes AS (
    SELECT x.indexrelid AS oid, c.relname, c.relkind, x.indisunique
    FROM log
    JOIN pg_index AS x ON x.indrelid = log.oid
    JOIN pg_class AS c ON c.oid = x.indexrelid
), index_leaves AS (
    SELECT i.oid AS root, i.oid FROM indexes AS i WHERE i.relkind = 'i'
    UNION ALL
    SELECT i.oid, c.inhrelid
    FROM indexes AS i
    JOIN pg_inherits AS c ON c.inhparent = i.oid
    WHERE i.relkind = 'I'
)
SELECT json_build_object(
    'events', (SELECT coalesce(sum(events), 0)::bigint FROM counted),
    'table_bytes', (SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM leaves),
    'tables', coalesce((
        SELECT json_agg(t ORDER BY t.name) FROM (
            SELECT relname AS name, events, changed, dead, is_analyzed FROM counted
            UNION ALL
            -- What queries of several partitions are planned by.
            SELECT relname, 0, NULL, NULL, reltuples >= 0 FROM log WHERE relkind = 'p'
        ) AS t
    ), '[]'),
    'indexes', coalesce((
        SELECT json_agg(json_build_object(
            'name', i.relname,
            'is_unique', i.indisunique,
            'bytes', (
                SELECT sum(pg_relation_size(l.oid))::bigint FROM index_leaves AS l
                WHERE l.root = i.oid
            ),
            'reads', (
                SELECT sum(pg_stat_get_numscans(l.oid))::bigint FROM index_leaves AS l
                WHERE l.root = i.oid
            ),
            'lacking', coalesce((
                SELECT json_agg(l.relname ORDER BY l.relname) FROM leaves AS l
                WHERE NOT EXISTS (
                    SELECT FROM index_leaves AS il JOIN pg_index AS x ON x.indexrelid = il.oid
                    WHERE il.root = i.oid AND x.indrelid = l.oid
                )
            ), '[]')
        ) ORDER BY i.relname)
        FROM indexes AS i
    ), '[]'),
    'leaves', coalesce((
        SELECT json_agg(l.relname ORDER BY l.relname)
        FROM leaves AS l JOIN log ON log.relkind = 'p'
    ), '[]'),
    'unfinished', coalesce((
        SELECT json_agg(c.relname ORDER BY c.relname)
        FROM leaves AS l
        JOIN pg_index AS x ON x.indrelid = l.oid AND NOT x.indisvalid
        JOIN pg_class AS c ON c.oid = x.indexrelid
    ), '[]'),
    'counts_since', (
        SELECT to_char(stats_reset AT TIME ZONE 'UTC', 'YYYY-MM-DD')
        FROM pg_stat_database WHERE datname = current_database()
    )
)::text
