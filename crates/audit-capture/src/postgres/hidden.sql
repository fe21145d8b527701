-- The document with these parts hidden. What is no JSON object or array, or cannot be taken apart
-- on this server, such as one with the escape of NUL, is hidden whole in the way `whole`.
DECLARE
    shown json;
BEGIN
    IF document IS NULL THEN
        RETURN NULL;
    END IF;
    BEGIN
        IF json_typeof(document::json) IN ('object', 'array') THEN
            shown := audit.hidden_part(document::json, parts, hash_key)::json;
        END IF;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        shown := NULL;
    END;
    IF shown IS NULL THEN
        shown := coalesce(
            audit.hidden_part(to_json(document), json_build_object('how', whole), hash_key), '"***"'
        )::json;
    END IF;
    RETURN shown;
END
