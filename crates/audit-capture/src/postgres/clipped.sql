-- An image in which no cell, nor the whole, is longer than allowed: the longest cells become
-- {"$truncated":{"len":n,"head":".."}}.
DECLARE
    source text := image::text;
    shielded boolean := false;
    longest int := least(cell_bytes, image_bytes);
    clipped text;
BEGIN
    IF octet_length(source) <= longest THEN
        RETURN image;
    END IF;
    BEGIN
        PERFORM count(*) FROM json_each(image);
    EXCEPTION WHEN data_exception THEN
        -- A column of type json may hold escapes that no text can, such as that of NUL: they are
        -- shielded from being read, and put back at the end. Every other backslash pair first
        -- becomes one character that JSON leaves bare.
        IF strpos(source, chr(127)) > 0 THEN
            RETURN json_build_object('$truncated', json_build_object(
                'len', octet_length(source), 'head', left(source, 16)
            ));
        END IF;
        shielded := true;
        source := replace(replace(source, '\\', chr(127)), '\u', '\\u');
    END;
    LOOP
        SELECT '{' || string_agg(to_json(cell.key)::text || ':' || CASE
            WHEN octet_length(cell.value::text) <= longest THEN cell.value::text
            ELSE (
                SELECT format('{"$truncated":{"len":%s,"head":%s}}', octet_length(plain.text), (
                    SELECT to_json(left(plain.text, n))
                    FROM generate_series(64, 16, -1) AS n
                    WHERE octet_length(left(plain.text, n)) <= 64
                    LIMIT 1
                ))
                FROM (SELECT cell.value #>> '{}' AS text OFFSET 0) AS plain
            )
        END, ',' ORDER BY cell.ordinality) || '}'
        INTO clipped
        FROM json_each(source::json) WITH ORDINALITY AS cell;
        IF shielded THEN
            clipped := replace(replace(clipped, '\\u', '\u'), chr(127), '\\');
        END IF;
        EXIT WHEN octet_length(clipped) <= image_bytes OR longest <= 24;
        longest := greatest(longest / 2, 24);
    END LOOP;
    RETURN clipped::json;
END
