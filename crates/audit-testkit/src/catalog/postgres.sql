WITH spaces AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relations AS (
    -- The sequence of a column is called after it: its own name depends on who raced whom.
    SELECT c.*, coalesce((
        SELECT concat_ws(' ', 'sequence of', refobjid::regclass, refobjsubid) FROM pg_depend
        WHERE relkind = 'S' AND classid = 'pg_class'::regclass AND objid = c.oid
            AND deptype IN ('a', 'i')
    ), c.oid::regclass::text) AS called FROM pg_class AS c
    JOIN spaces ON spaces.oid = c.relnamespace
)
SELECT kind || ' ' || name, what FROM (
    SELECT 'schema' AS kind, nspname::text AS name,
        concat_ws(' ', nspowner::regrole, nspacl) AS what
    FROM spaces
    UNION ALL
    SELECT 'relation', called, concat_ws(' ', relkind, relowner::regrole, relpersistence, relrowsecurity,
        relforcerowsecurity, reloptions, relacl,
        pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid))
    FROM relations
    UNION ALL
    SELECT 'column', relations.called || '.' || attname, concat_ws(' ', attnum,
        format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
        attcollation::regcollation, attacl, pg_get_expr(adbin, adrelid))
    FROM relations
    JOIN pg_attribute ON attrelid = relations.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    UNION ALL
    SELECT 'constraint', conrelid::regclass || '.' || conname, concat_ws(' ', convalidated,
        pg_get_constraintdef(pg_constraint.oid))
    FROM pg_constraint JOIN spaces ON spaces.oid = connamespace
    UNION ALL
    SELECT 'index', relations.called, concat_ws(' ', indisvalid, pg_get_indexdef(indexrelid))
    FROM pg_index JOIN relations ON relations.oid = indexrelid
    UNION ALL
    SELECT 'trigger', relations.called || '.' || tgname, concat_ws(' ', tgenabled,
        pg_get_triggerdef(pg_trigger.oid))
    FROM pg_trigger JOIN relations ON relations.oid = tgrelid
    WHERE NOT tgisinternal
    UNION ALL
    SELECT 'rule', relations.called || '.' || rulename, pg_get_ruledef(pg_rewrite.oid)
    FROM pg_rewrite JOIN relations ON relations.oid = ev_class
    UNION ALL
    SELECT 'policy', relations.called || '.' || polname, concat_ws(' ', polcmd, polpermissive,
        polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy JOIN relations ON relations.oid = polrelid
    UNION ALL
    SELECT 'function', pg_proc.oid::regprocedure::text, concat_ws(' ', proowner::regrole, proacl,
        CASE WHEN prokind <> 'a' THEN pg_get_functiondef(pg_proc.oid) END)
    FROM pg_proc JOIN spaces ON spaces.oid = pronamespace
    UNION ALL
    SELECT 'type', pg_type.oid::regtype::text, concat_ws(' ', typtype, typowner::regrole, typacl,
        (SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = pg_type.oid))
    FROM pg_type JOIN spaces ON spaces.oid = typnamespace
    UNION ALL
    SELECT 'extension', extname, extversion FROM pg_extension
    UNION ALL
    SELECT 'event trigger', evtname, evtfoid::regproc::text FROM pg_event_trigger
    UNION ALL
    SELECT 'default rights', defaclrole::regrole::text, concat_ws(' ', defaclobjtype, defaclacl)
    FROM pg_default_acl
    UNION ALL
    SELECT 'setting', 'of the database', setconfig::text FROM pg_db_role_setting
    JOIN pg_database ON pg_database.oid = setdatabase AND datname = current_database()
) AS parts
ORDER BY 1, 2
