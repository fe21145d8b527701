-- Writes an event of the application: what it says of itself is taken from the text, who, when
-- and where from the connection and the clock.
DECLARE
    v_context text[] := string_to_array(nullif(current_setting('audit.context', true), ''), E'\x1f', '');
    v_time timestamptz := clock_timestamp();
    v_micros bigint := (date_part('epoch', v_time) * 1000000)::bigint;
    v_id uuid := @ID@;
    v_metadata json := (event ->> 'metadata')::json;
BEGIN
    IF coalesce(event ->> 'action', '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = '@REFUSED@',
            MESSAGE = '@PREFIX@an event needs an action';
    END IF;
    IF octet_length(event ->> 'table_name') > 512 THEN
        RAISE EXCEPTION USING ERRCODE = '@REFUSED@',
            MESSAGE = '@PREFIX@the name of a table has at most 512 bytes';
    END IF;
    IF v_metadata IS NOT NULL AND v_context[@METADATA@] IS NOT NULL THEN
        BEGIN
            SELECT json_object_agg(key, value)
            INTO v_metadata
            FROM (
                SELECT DISTINCT ON (both_of.key) both_of.key, both_of.value
                FROM (
                    SELECT key, value, 1 AS rank FROM json_each(v_context[@METADATA@]::json)
                    UNION ALL
                    SELECT key, value, 2 FROM json_each(v_metadata)
                ) AS both_of
                ORDER BY both_of.key, both_of.rank DESC
            ) AS merged;
        EXCEPTION WHEN data_exception THEN
            -- An escape that no text can hold, such as that of NUL: both stay, the event's last.
            v_metadata := (left(v_context[@METADATA@], -1) || ',' || substr(v_metadata::text, 2))::json;
        END;
    END IF;
    INSERT INTO audit.audit_logs (@COLUMNS@)
    VALUES (@VALUES@);
    RETURN v_id::text;
END
