-- What a trigger writes of a row of a table that was altered after the trigger was made: the
-- columns are those of the catalog, each with the rule of its name, or of its number when it was
-- renamed. Gives no row when no column that decides has changed.
DECLARE
    root oid := coalesce(pg_partition_root(relation), relation);
    has_old boolean := old_row IS DISTINCT FROM NULL;
    has_new boolean := new_row IS DISTINCT FROM NULL;
    alias text;
    known json;
    fields text;
    found record;
    decided text[];
    noted text[];
    record_key text;
    image json;
    statement text;
BEGIN
    WITH listed AS MATERIALIZED (
        SELECT * FROM json_to_recordset(rule -> 'columns')
            AS c (
                name text, number int, key int, compared text, image text, parts json, whole text
            )
    ), present AS MATERIALIZED (
        SELECT a.attname::text AS name, a.attnum::int AS number, a.atttypid, a.attgenerated
        FROM pg_attribute AS a
        WHERE a.attrelid = root AND a.attnum > 0 AND NOT a.attisdropped
    )
    SELECT json_agg(json_build_object(
        'name', p.name, 'custom', p.atttypid >= 16384,
        'key', coalesce(l.key, 0),
        'compared', coalesce(l.compared, rule ->> 'others'),
        'image', coalesce(l.image, CASE rule ->> 'others' WHEN 'none' THEN 'drop' END, ''),
        'parts', l.parts, 'whole', l.whole
    ) ORDER BY p.number)
    INTO known
    FROM present AS p
    LEFT JOIN listed AS named ON named.name = p.name
    LEFT JOIN (
        SELECT * FROM listed WHERE name NOT IN (SELECT name FROM present)
    ) AS renamed ON renamed.number = p.number
    LEFT JOIN listed AS l ON l.name = coalesce(named.name, renamed.name)
    WHERE p.attgenerated <> 'v';

    IF has_old AND has_new THEN
        SELECT format(
            'SELECT array_remove(ARRAY[%s]::text[], NULL), array_remove(ARRAY[%s]::text[], NULL)
             FROM (SELECT ($1).*) AS o, (SELECT ($2).*) AS n',
            string_agg(c.changed, ', ') FILTER (WHERE c.compared = 'deciding'),
            string_agg(c.changed, ', ') FILTER (WHERE c.compared = 'noted')
        )
        INTO statement
        FROM (
            SELECT x.compared, format(
                'CASE WHEN row(o.%1$I)::record OPERATOR(pg_catalog.*<>) row(n.%1$I)::record THEN %1$L END',
                x.name
            ) AS changed
            FROM json_to_recordset(known) AS x (name text, compared text)
        ) AS c;
        EXECUTE statement INTO decided, noted USING old_row, new_row;
        IF decided = '{}' AND NOT (rule ->> 'unchanged')::boolean THEN
            RETURN;
        END IF;
        changed_fields := nullif(decided || noted, '{}');
    END IF;

    FOREACH alias IN ARRAY ARRAY['o', 'n'] LOOP
        CONTINUE WHEN alias = 'o' AND NOT has_old OR alias = 'n' AND NOT has_new;
        SELECT
            string_agg(format('%s AS %I', CASE
                WHEN c.image = '' THEN c.shown
                WHEN c.image = 'mask' THEN
                    format('CASE WHEN %s IS DISTINCT FROM NULL THEN ''***'' END', c.place)
                WHEN c.image = 'hash' THEN format(
                    '''hmac-sha256:'' || encode(sha256(substr($3, 65, 64) || sha256(substr($3, 1, 64)
                     || convert_to(%s, ''UTF8''))), ''hex'')', c.plain)
                ELSE format(
                    'CASE WHEN char_length(%1$s) > %2$s THEN left(%1$s, %2$s) || ''…'' ELSE %1$s END',
                    CASE WHEN c.parts IS NULL THEN c.plain ELSE c.shown || '::text' END,
                    split_part(c.image, ':', 2)::int)
            END, c.name), ', ') FILTER (
                WHERE c.image <> 'drop' AND (c.image <> 'hash' OR hash_key IS NOT NULL)
                AND (NOT (rule ->> 'changes_only')::boolean OR NOT (has_old AND has_new)
                    OR c.name = ANY (changed_fields))
            ),
            CASE count(*) FILTER (WHERE c.key > 0)
                WHEN 0 THEN
                    '''sha256:'' || encode(sha256(convert_to(row_to_json("!row".*)::text, ''UTF8'')), ''hex'')'
                WHEN 1 THEN string_agg(c.plain, '') FILTER (WHERE c.key > 0)
                ELSE format('array_to_json(ARRAY[%s])::text',
                    string_agg(c.plain, ', ' ORDER BY c.key) FILTER (WHERE c.key > 0))
            END
        INTO fields, record_key
        FROM (
            SELECT w.*, CASE WHEN w.parts IS NULL THEN w.place
                ELSE format('audit.hidden(%s, %L, %L, $3)', w.plain, w.parts, w.whole)
            END AS shown
            FROM (
                SELECT x.*, format('"!row".%I', x.name) AS place,
                    CASE WHEN x.custom
                        THEN format('CASE WHEN "!row".%1$I IS DISTINCT FROM NULL THEN concat("!row".%1$I) END', x.name)
                        ELSE format('"!row".%I::text', x.name)
                    END AS plain
                FROM json_to_recordset(known) AS x (
                    name text, custom boolean, key int, compared text, image text, parts text, whole text
                )
            ) AS w
        ) AS c;
        statement := format(
            'SELECT %s, (SELECT row_to_json("!image".*) FROM (SELECT %s) AS "!image")
             FROM (SELECT (%s).*) AS "!row"',
            record_key, fields, CASE alias WHEN 'o' THEN '$1' ELSE '$2' END
        );
        previous_record_id := record_id;
        EXECUTE statement INTO record_id, image USING old_row, new_row, hash_key;
        IF alias = 'o' THEN
            before_data := image;
        ELSE
            after_data := image;
        END IF;
    END LOOP;
    previous_record_id := nullif(previous_record_id, record_id);
    IF NOT images THEN
        before_data := NULL;
        after_data := NULL;
    END IF;
    RETURN NEXT;
END
