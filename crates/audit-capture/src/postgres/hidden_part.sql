-- The text of a part of a document with what the tree `parts` names hidden in it, and then itself;
-- NULL when it is left out. Members keep their order, and those of one name are all hidden.
DECLARE
    shown text := part::text;
    how text := parts ->> 'how';
    plain text;
    rebuilt record;
BEGIN
    IF json_typeof(part) = 'object' AND parts -> 'members' IS NOT NULL THEN
        SELECT
            bool_or(m.own IS NOT NULL) AS any,
            string_agg(to_json(m.key)::text || ':' || m.shown, ',' ORDER BY m.ordinality) AS list
        INTO rebuilt
        FROM (
            SELECT e.key, e.ordinality, e.own, CASE
                WHEN e.own IS NULL THEN e.value::text
                ELSE audit.hidden_part(e.value, e.own, hash_key)
            END AS shown
            FROM (
                SELECT each.*, parts -> 'members' -> each.key AS own
                FROM json_each(part) WITH ORDINALITY AS each
            ) AS e
        ) AS m;
        IF rebuilt.any THEN
            shown := '{' || coalesce(rebuilt.list, '') || '}';
        END IF;
    ELSIF json_typeof(part) = 'array' AND (parts -> 'items' IS NOT NULL OR parts -> 'each' IS NOT NULL) THEN
        SELECT
            bool_or(m.own IS NOT NULL) AS any,
            string_agg(m.shown, ',' ORDER BY m.ordinality) AS list
        INTO rebuilt
        FROM (
            SELECT e.ordinality, e.own, CASE
                WHEN e.own IS NULL THEN e.value::text
                ELSE audit.hidden_part(e.value, e.own, hash_key)
            END AS shown
            FROM (
                SELECT each.*,
                    coalesce(parts -> 'items' -> (each.ordinality - 1)::text, parts -> 'each') AS own
                FROM json_array_elements(part) WITH ORDINALITY AS each
            ) AS e
        ) AS m;
        IF rebuilt.any THEN
            shown := '[' || coalesce(rebuilt.list, '') || ']';
        END IF;
    END IF;
    IF how IS NULL THEN
        RETURN shown;
    ELSIF how = 'drop' OR how = 'hash' AND hash_key IS NULL THEN
        RETURN NULL;
    ELSIF json_typeof(part) = 'null' THEN
        RETURN shown;
    ELSIF how = 'mask' THEN
        RETURN '"***"';
    END IF;
    plain := shown::json #>> '{}';
    IF how = 'hash' THEN
        -- RFC 2104; the key on the connection is already padded and masked, inner half first.
        plain := 'hmac-sha256:' || encode(sha256(substr(hash_key, 65, 64) || sha256(
            substr(hash_key, 1, 64) || convert_to(plain, 'UTF8')
        )), 'hex');
    ELSIF char_length(plain) > split_part(how, ':', 2)::int THEN
        plain := left(plain, split_part(how, ':', 2)::int) || '…';
    END IF;
    RETURN to_json(plain)::text;
END
