//! The same events and answers as with triggers.

use audit_capture::inline::Planner;
use audit_core::{Audit, Enrichment, Operation, Redaction, Severity, Snapshot, TableRule};
use audit_testkit::Server;

use crate::pair::{Pair, alice, answer, events, extra, run};

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TYPE pair AS (x int, y text);
    CREATE TABLE items (
        id bigserial PRIMARY KEY, \"Name\" text UNIQUE, price numeric(6, 2) DEFAULT 1.5,
        m mood DEFAULT 'good', p pair, tags text[], doc json, at timestamptz DEFAULT 'epoch',
        twice numeric GENERATED ALWAYS AS (price * 2) STORED, CHECK (price < 1000));
    CREATE TABLE plain (id int PRIMARY KEY, plain text, n int DEFAULT 0);
    CREATE TABLE \"Odd \"\"Table\" (a int, \"b c\" text, v text, PRIMARY KEY (\"b c\", a));
    CREATE TABLE keyless (a int, b text);
    CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);
    CREATE TABLE touched (id int PRIMARY KEY, v int, n int);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        IF NEW.v = 0 THEN RETURN NULL; END IF; NEW.n := NEW.v + 1; RETURN NEW; END$$;
    CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON touched FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE TABLE shrunk (gone int, id int PRIMARY KEY, shrunk text, gone_too text, v int);
    ALTER TABLE shrunk DROP COLUMN gone, DROP COLUMN gone_too;";

/// Statements that every version captures.
const STATEMENTS: &[(&str, &[&str])] = &[
    (
        "INSERT INTO items (\"Name\", p, tags, doc) VALUES ($1, ROW(1, 'x'), '{t,NULL}', '{\"a\": 1,  \"a\":2}')",
        &["one"],
    ),
    (
        "INSERT INTO items (\"Name\") VALUES ('b'), ('c'), (NULL) RETURNING *",
        &[],
    ),
    (
        "insert into public.items as i (\"Name\") values ($1) returning i.id as \"Key\", lower(\"Name\"), i.price::text, CAST(m AS text), 1, id + 1, (p).x",
        &["D"],
    ),
    (
        "INSERT INTO items (\"Name\") VALUES ('b') ON CONFLICT DO NOTHING RETURNING id",
        &[],
    ),
    (
        "INSERT INTO items (\"Name\") SELECT 's' || n FROM generate_series(1, 5) AS n ON CONFLICT (\"Name\") DO NOTHING;",
        &[],
    ),
    (
        "INSERT INTO items DEFAULT VALUES RETURNING id key, price \"the price\"",
        &[],
    ),
    (
        "UPDATE items SET price = price + $1::numeric WHERE id = $2::bigint",
        &["2.5", "1"],
    ),
    ("UPDATE items SET price = price", &[]),
    ("UPDATE items SET price = 1.50 WHERE false", &[]),
    (
        "UPDATE ONLY items AS i SET (price, m) = (3, 'bad'), tags[1] = 'RETURNING' WHERE i.id < 3 OR i.\"Name\" = 'it''s WHERE' RETURNING i.*",
        &[],
    ),
    (
        "UPDATE items -- a comment; with WHERE\n SET doc = '{\"x\":[1,2]}' /* and /* another */ FROM */ WHERE id IS NOT DISTINCT FROM 1 -- the end",
        &[],
    ),
    (
        "UPDATE items i SET price = s.n FROM generate_series(1, 3) AS s (n) WHERE i.id = s.n RETURNING i.id, s.n",
        &[],
    ),
    (
        "UPDATE items SET \"Name\" = E'quote\\'s' WHERE id = 2 RETURNING \"Name\" AS where",
        &[],
    ),
    (
        "UPDATE public.items SET price = 4 WHERE public.items.id = 2 RETURNING public.items.id",
        &[],
    ),
    ("UPDATE items SET price = 1001 WHERE id = 1", &[]),
    ("UPDATE items SET price = 1 / 0 WHERE id = 1", &[]),
    ("UPDATE items SET \"Name\" = 'b' WHERE id = 1", &[]),
    ("UPDATE items SET missing = 1", &[]),
    (
        "WITH cheap AS (SELECT id FROM items WHERE price < 3) UPDATE items SET price = 9 FROM cheap WHERE cheap.id = items.id RETURNING items.id",
        &[],
    ),
    (
        "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 103) INSERT INTO plain SELECT i, 'p' || i FROM n",
        &[],
    ),
    (
        "WITH items AS (SELECT 4 AS id) UPDATE items SET price = 8 WHERE id IN (SELECT id FROM items)",
        &[],
    ),
    ("INSERT INTO plain VALUES (1, 'a'), (2, 'b')", &[]),
    (
        "INSERT INTO plain VALUES (91, 'a' -- x'\n '; DELETE -- ', 5), (92, $$' RETURNING $$, 6) RETURNING plain",
        &[],
    ),
    ("INSERT INTO plain VALUES (1, 'a')", &[]),
    ("UPDATE plain SET n = n + 1 RETURNING plain.*", &[]),
    (
        "UPDATE plain SET plain = 'x' || plain, n = CASE WHEN n > 1 THEN 1 ELSE 7 END WHERE plain = $1",
        &["a"],
    ),
    (
        "DELETE FROM plain WHERE plain = $1 RETURNING plain, id",
        &["b"],
    ),
    (
        "DELETE FROM plain AS p USING items AS i WHERE p.id = i.id RETURNING p.id, i.\"Name\"",
        &[],
    ),
    (
        "INSERT INTO \"Odd \"\"Table\" VALUES (1, 'it''s', 'v'), (2, NULL, 'w')",
        &[],
    ),
    (
        "INSERT INTO \"Odd \"\"Table\" VALUES (1, 'it''s', 'v'), (2, 'two', 'w') RETURNING \"b c\"",
        &[],
    ),
    ("UPDATE \"Odd \"\"Table\" SET v = v || '!'", &[]),
    ("DELETE FROM \"Odd \"\"Table\" WHERE a = 2", &[]),
    (
        "INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
        &[],
    ),
    ("DELETE FROM keyless WHERE a = 1", &[]),
    ("INSERT INTO parted VALUES (1, 1), (2, 2) RETURNING *", &[]),
    ("DELETE FROM parted WHERE v = 2 RETURNING id", &[]),
    (
        "INSERT INTO touched VALUES (1, 1), (2, 0), (3, 3) RETURNING *",
        &[],
    ),
    ("INSERT INTO shrunk VALUES (1, 's', 5) RETURNING *", &[]),
    ("UPDATE shrunk SET v = 6 RETURNING *", &[]),
    ("DELETE FROM shrunk RETURNING shrunk.*", &[]),
    (
        "DELETE FROM items WHERE \"Name\" LIKE 's%' OR id = $1::bigint",
        &["1"],
    ),
    ("SELECT count(*) FROM items", &[]),
    ("DELETE FROM items", &[]),
    (
        "INSERT INTO plain VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET n = plain.n + 1 RETURNING id, n",
        &[],
    ),
    (
        "INSERT INTO plain VALUES (1, 'a'), (50, 'z') ON CONFLICT (id) DO UPDATE SET n = plain.n + 1, plain = excluded.plain",
        &[],
    ),
    (
        "INSERT INTO plain AS p VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET n = p.n + 1 WHERE p.n < 0 RETURNING *",
        &[],
    ),
];

/// Those that only the newest captures.
const NEWEST: &[(&str, &[&str])] = &[
    ("INSERT INTO touched VALUES (4, 4)", &[]),
    ("UPDATE touched SET v = v + 1 RETURNING n", &[]),
    ("UPDATE touched SET v = 0", &[]),
    ("INSERT INTO plain VALUES (71, 'a'), (72, 'b')", &[]),
    ("UPDATE plain SET id = id + 1000 WHERE id < 100", &[]),
    (
        "UPDATE plain SET n = 5 WHERE id > 1000 RETURNING old.n, new.n AS now, new.*",
        &[],
    ),
    (
        "UPDATE plain SET n = 6 WHERE id > 1000 RETURNING \"old\".n, \"new\".n AS now",
        &[],
    ),
    ("UPDATE plain SET n = n + 1 WHERE random() >= 0", &[]),
    ("INSERT INTO keyless VALUES (7, 'y'), (7, 'z')", &[]),
    ("UPDATE keyless SET b = b || '!' WHERE a = 7", &[]),
    (
        "INSERT INTO plain VALUES (1071, 'q'), (3, 'w') ON CONFLICT (id) DO UPDATE SET plain = 'old' RETURNING old.plain, new.plain AS now",
        &[],
    ),
];

fn is_newest(server: Server) -> bool {
    server == Server::Postgres18
}

async fn all(pair: &mut Pair, server: Server) -> usize {
    let newest = if is_newest(server) { NEWEST } else { &[] };
    let mut recorded = 0;
    for (sql, binds) in STATEMENTS.iter().chain(newest) {
        recorded += pair.same(sql, binds).await.len();
    }
    recorded
}

pub(crate) async fn plain_statements_are_recorded_as_by_triggers(server: Server) {
    let audit = Audit::builder().service("billing").build().unwrap();
    let mut pair = Pair::new(server, TABLES, audit).await;
    let recorded = all(&mut pair, server).await;
    assert!(recorded > 70, "{recorded}");
}

pub(crate) async fn rules_hold_as_in_triggers(server: Server) {
    let builders = [
        Audit::builder()
            .hash_key(*b"a key of thirty-two bytes or more")
            .table(
                TableRule::new("items")
                    .redact("Name", Redaction::Hash)
                    .redact("tags", Redaction::Mask)
                    .redact("at", Redaction::Truncate(4))
                    .redact_path("doc", "$.x", Redaction::Mask)
                    .ignore(["price"])
                    .severity(Severity::High)
                    .compliance(["sox"]),
            )
            .table(TableRule::new("plain").snapshot(Snapshot::Changed))
            .table(TableRule::new("touched").ignore(["n"]))
            .enrich(
                "plain",
                Operation::Delete,
                Enrichment::new().label("Gone").severity(Severity::Critical),
            ),
        Audit::builder()
            .table(
                TableRule::new("items")
                    .snapshot(Snapshot::Changed)
                    .redact("Name", Redaction::Hash)
                    .redact("p", Redaction::Drop),
            )
            .table(TableRule::new("plain").operations([Operation::Update]))
            .exclude("keyless")
            .max_cell_bytes(256),
    ];
    for builder in builders {
        let mut pair = Pair::new(server, TABLES, builder.build().unwrap()).await;
        let recorded = all(&mut pair, server).await;
        assert!(recorded > 40, "{recorded}");
    }
}

pub(crate) async fn values_are_written_alike_whatever_the_session_says(server: Server) {
    let tables = "CREATE TABLE kept (
        at timestamptz, day date, b bytea, f float8, r float4, i interval, cash money,
        during daterange, moments timestamptz[], PRIMARY KEY (at, f))";
    let hidden = TableRule::new("kept")
        .redact("day", Redaction::Truncate(5))
        .redact("cash", Redaction::Truncate(5));
    for rule in [
        TableRule::new("kept"),
        hidden,
        TableRule::new("kept").snapshot(Snapshot::Changed),
    ] {
        let audit = Audit::builder().table(rule).build().unwrap();
        let mut pair = Pair::new(server, tables, audit).await;
        for setting in [
            "SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German'; SET IntervalStyle = \
             'sql_standard'; SET bytea_output = 'escape'; SET extra_float_digits = -3; SET \
             search_path = public, pg_catalog",
            "RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET bytea_output; RESET \
             extra_float_digits; RESET search_path",
        ] {
            pair.both(setting).await;
            let insert = "INSERT INTO kept VALUES ('2026-01-02T03:04:05Z', '2026-01-02', 'a\\000', \
                 0.1::float8 + 0.2::float8, 1e-7, '1 day 2 hours', 3, '[2026-01-02,2026-02-03)', \
                 ARRAY['2026-01-02T03:04:05Z'::timestamptz])";
            pair.same(insert, &[]).await;
            let update = "UPDATE kept SET day = day + 1, i = i * 2, moments = moments || now() - \
                 now() + 'epoch'::timestamptz, cash = cash * 2";
            let events = pair.same(update, &[]).await;
            assert!(events[0].contains("0.30000000000000004"), "{events:?}");
            pair.same("DELETE FROM kept RETURNING at, f", &[]).await;
        }
    }
}

/// What RETURNING can name without AS; the names are held against those of the server.
const NAMELESS: &[&str] = &[
    "id",
    "items.id",
    "public.items.id",
    "ID",
    "\"Name\"",
    "1",
    "'x'",
    "$1",
    "id + 1",
    "-id",
    "id::text",
    "lower(\"Name\")",
    "LOWER(\"Name\")::varchar(3)",
    "pg_catalog.lower(\"Name\")",
    "count_of",
    "coalesce(id, 1)",
    "greatest(id, 1)",
    "nullif(id, 1)",
    "cast(id AS text)",
    "(id)",
    "(p).x",
    "(items.p).y",
    "(p).*",
    "items.*",
    "public.items.*",
    "((id))",
    "id key",
    "\"Name\" \"Key\"",
    "id AS select",
    "(id + 1)",
    "(id + 1) total",
    "id IS NULL OR id > 1",
    "doc -> 'a'",
    "'a' || \"Name\"",
    "current_date",
    "current_user",
    "version()",
    "array_length(tags, 1)",
    "concat(id, ',', m)",
    "id::text name",
    "exists(SELECT 1)",
    "extract(year FROM at)",
    "position('a' IN \"Name\")",
    "substring('abc' FROM 2)",
    "tags[1]",
    "ARRAY[id]",
    "ROW(id)",
    "CASE WHEN true THEN id END",
    "id::numeric(6, 2)::text",
    "at AT TIME ZONE 'UTC'",
    "trim(\"Name\")",
    "NULL",
    "true",
    "NOT true",
    "interval '1 day'",
    "date '2026-01-02'",
    "id BETWEEN 1 AND 2",
    "\"Name\" COLLATE \"C\"",
    "\"Name\" LIKE 'a'",
    "id::double precision",
    "(SELECT 1)",
    "(SELECT id)",
    "xmlelement(name a)",
    "id IN (1)",
    "timezone('UTC', at)",
    "id notnull",
    "'a' 'b'",
    "count_of::int count",
    "1::int",
    "'1'::int",
    "twice::text COLLATE \"C\"",
    "a_name_that_is_so_long_that_the_server_cuts_it_at_sixty_three_bytes",
];

pub(crate) async fn what_is_given_back_is_called_as_by_the_server(server: Server) {
    let tables = TABLES.replace("doc json,", "doc json, count_of int,");
    let mut pair = Pair::new(server, &tables, Audit::builder().build().unwrap()).await;
    let mut captured = 0;
    for expression in NAMELESS {
        let sql = format!("INSERT INTO items (doc) VALUES ('{{}}') RETURNING {expression}");
        let binds: &[&str] = if expression.contains('$') {
            &["b"]
        } else {
            &[]
        };
        match pair.planner.plan(&sql) {
            Ok(_) => {
                pair.same(&sql, binds).await;
                captured += 1;
            }
            Err(refused) => assert!(refused.to_string().contains("AS"), "{sql}: {refused}"),
        }
    }
    assert!(captured >= 39, "{captured}");
}

pub(crate) async fn a_column_that_comes_later_is_recorded(server: Server) {
    for rule in [
        TableRule::new("plain"),
        TableRule::new("plain").redact("plain", Redaction::Mask),
    ] {
        let audit = Audit::builder().table(rule).build().unwrap();
        let mut pair = Pair::new(server, TABLES, audit).await;
        pair.same("INSERT INTO plain VALUES (1, 'a')", &[]).await;
        pair.both("ALTER TABLE plain ADD later timestamptz DEFAULT 'epoch'")
            .await;
        pair.same("INSERT INTO plain VALUES (2, 'a')", &[]).await;
        let events = pair.same("UPDATE plain SET later = NULL", &[]).await;
        assert_eq!(events.len(), 2);
        pair.same("DELETE FROM plain", &[]).await;
    }
}

pub(crate) async fn a_role_without_more_than_the_grants_records(server: Server) {
    let audit = Audit::builder()
        .table(TableRule::new("items").redact_path("doc", "$.x", Redaction::Mask))
        .build()
        .unwrap();
    let mut pair = Pair::new(server, TABLES, audit).await;
    let url = pair.inline_database.url();
    let role = format!("inline_{}", url.rsplit('/').next().unwrap());
    let mut grants = vec![
        format!("CREATE ROLE {role}"),
        format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"),
        format!("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"),
    ];
    grants.extend(Planner::grants(&role));
    for grant in grants {
        run(&mut pair.inline, &grant).await;
    }
    run(&mut pair.inline, &format!("SET ROLE {role}")).await;
    pair.replan().await;
    for sql in [
        "INSERT INTO items (\"Name\", doc) VALUES ('a', '{\"x\":1}')",
        "UPDATE items SET price = 5, at = 'epoch', tags = '{x}'",
        "DELETE FROM items",
    ] {
        let spliced = pair.plan(sql);
        let extra = extra(&pair.audit, &spliced, &alice());
        let done = answer(&mut pair.inline, spliced.text(), &[], &extra, true).await;
        assert_eq!(done, "affected 1\n", "{sql}");
    }
    for sql in [
        "SELECT count(*)::text FROM audit.audit_logs",
        "DELETE FROM audit.audit_logs",
        "UPDATE audit.audit_logs SET reason = ''",
        "TRUNCATE audit.audit_logs",
    ] {
        let refused = answer(&mut pair.inline, sql, &[], &[], false).await;
        assert!(refused.contains("42501"), "{refused}");
    }
    run(&mut pair.inline, "RESET ROLE").await;
    assert_eq!(events(&mut pair.inline).await.len(), 3);
    run(
        &mut pair.inline,
        &format!("DROP OWNED BY {role}; DROP ROLE {role}"),
    )
    .await;
}

/// By the schemas and statements of the conformance suite, which holds them against an oracle as well.
pub(crate) async fn drawn_statements_are_recorded_as_by_triggers(server: Server) {
    let (mut events, mut refused) = (0, 0);
    for seed in 1..=4 {
        let (tables, statements) = audit_testkit::drawn(server, seed, 150);
        let mut pair = Pair::new(server, &tables, Audit::builder().build().unwrap()).await;
        for sql in &statements {
            if pair.planner.plan(sql).is_err() {
                refused += 1;
                continue;
            }
            events += pair.same(sql, &[]).await.len();
        }
    }
    assert!(
        events > 400 && refused < 400,
        "{events} events, {refused} refused"
    );
}
