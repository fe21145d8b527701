SELECT json_object(
    'columns', (
        SELECT json_group_array(json_object(
            'name', info.name,
            'type', info.type,
            'is_required', json(CASE info."notnull" WHEN 1 THEN 'true' ELSE 'false' END),
            'is_generated', json(CASE WHEN info.hidden IN (2, 3) THEN 'true' ELSE 'false' END)
        ))
        FROM pragma_table_xinfo(listed.name, 'main') AS info
        WHERE info.hidden <> 1
    ),
    'key', (
        SELECT json_group_array(part.name) FROM (
            SELECT info.name FROM pragma_table_xinfo(listed.name, 'main') AS info
            WHERE info.pk > 0 ORDER BY info.pk
        ) AS part
    ),
    'references', (
        SELECT json_group_array(json_object(
            'table', link.parent,
            'columns', json(link.columns),
            'parent_columns', json(link.parent_columns),
            'acts_on_delete', json(CASE link.on_delete WHEN 'NO ACTION' THEN 'false' ELSE 'true' END)
        ))
        FROM (
            SELECT part."table" AS parent, json_group_array(part."from") AS columns,
                json_group_array(part."to") AS parent_columns,
                min(part.on_delete) AS on_delete
            FROM (
                SELECT * FROM pragma_foreign_key_list(listed.name, 'main') ORDER BY id, seq
            ) AS part
            GROUP BY part.id
        ) AS link
    ),
    'referred_by', (
        SELECT json_group_array(json_object(
            'table', link.child,
            'columns', json(link.columns),
            'parent_columns', json(link.parent_columns),
            'acts_on_delete', json(CASE link.on_delete WHEN 'NO ACTION' THEN 'false' ELSE 'true' END)
        ))
        FROM (
            SELECT part.child, json_group_array(part."from") AS columns,
                json_group_array(part."to") AS parent_columns,
                min(part.on_delete) AS on_delete
            FROM (
                SELECT child.name AS child, list.* FROM pragma_table_list AS child,
                    pragma_foreign_key_list(child.name, 'main') AS list
                WHERE child.schema = 'main' AND child.type = 'table'
                    AND lower(list."table") = lower(listed.name)
                ORDER BY child.name, list.id, list.seq
            ) AS part
            GROUP BY part.child, part.id
        ) AS link
    )
)
FROM pragma_table_list AS listed
WHERE listed.schema = 'main' AND listed.type = 'table' AND listed.name = ?1
