-- The functions go first, and the triggers that call them with them: a trigger without its table
-- of events would refuse every write.
DO $$
DECLARE
    ours regprocedure;
BEGIN
    FOR ours IN SELECT oid FROM pg_proc WHERE pronamespace = to_regnamespace('audit') LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', ours);
    END LOOP;
END
$$;

DROP TABLE IF EXISTS audit.audit_probe;
DROP TABLE IF EXISTS audit.audit_holds;
DROP TABLE IF EXISTS audit.audit_settings;
DROP TABLE IF EXISTS audit.audit_schemas;
DROP TABLE IF EXISTS audit.audit_logs;

-- The schema stays while something else is in it, such as the list of the steps that ran.
DO $$
BEGIN
    DROP SCHEMA IF EXISTS audit;
EXCEPTION
    WHEN dependent_objects_still_exist THEN NULL;
END
$$;
