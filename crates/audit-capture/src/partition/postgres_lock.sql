    -- A lock that is waited for stops everyone behind it: rather several short waits than a long one.
    PERFORM pg_catalog.set_config('lock_timeout', '1s', true);
    FOR v_try IN 1..30 LOOP
        BEGIN
            LOCK TABLE ONLY @TABLE@ IN @MODE@ MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF v_try = 30 THEN
                RAISE;
            END IF;
            PERFORM pg_catalog.pg_sleep(1);
        END;
    END LOOP;
