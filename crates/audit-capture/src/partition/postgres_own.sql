    -- A new table has the rights of the default privileges, which may be more than those on the log.
    FOR v_name IN
        SELECT c.relname FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relname = ANY (v_made)
    LOOP
        EXECUTE format('ALTER TABLE audit.%I OWNER TO %I', v_name, v_owner);
        FOR v_text IN
            SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
            FROM pg_catalog.pg_class AS c CROSS JOIN pg_catalog.aclexplode(c.relacl) AS a
            WHERE c.relnamespace = 'audit'::regnamespace AND c.relname = v_name
            AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('REVOKE ALL ON audit.%I FROM %s', v_name, v_text);
        END LOOP;
    END LOOP;
