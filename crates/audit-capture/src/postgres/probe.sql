-- Writes to the table of the probe as the owner of the log, reads what arrived there, and takes
-- everything back: the roles of applications may do neither.
DECLARE
    v_events text;
BEGIN
    BEGIN
        INSERT INTO audit.audit_probe (id, value) VALUES (token, '@BEFORE@');
        UPDATE audit.audit_probe SET value = '@AFTER@' WHERE id = token;
        DELETE FROM audit.audit_probe WHERE id = token;
        SELECT string_agg(json_build_array(@COLUMNS@)::text, E'\n' ORDER BY occurred_at, id)
        INTO v_events
        FROM audit.audit_logs
        WHERE table_name = 'audit_probe' AND left(record_id, 128) = token;
        RAISE EXCEPTION USING ERRCODE = '@TAKEN_BACK@';
    EXCEPTION WHEN SQLSTATE '@TAKEN_BACK@' THEN
        NULL;
    END;
    RETURN v_events;
END
