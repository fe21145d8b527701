//! Changes that a statement makes and that its text does not show.

use audit_capture::inline::{Inline, OnUncapturable};
use audit_core::Audit;
use audit_testkit::Server;

use crate::pair::Pair;

/// Those that are called `out_..` are not recorded.
const TABLES: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE SCHEMA other;
    CREATE VIEW other.seen AS SELECT * FROM users;
    CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE other.high PARTITION OF parted FOR VALUES FROM (10) TO (20);
    CREATE TABLE other.lone (id int PRIMARY KEY);
    CREATE TABLE out_ruled (id int PRIMARY KEY);
    CREATE RULE also AS ON INSERT TO out_ruled DO ALSO INSERT INTO users VALUES (1, 'r');
    CREATE TABLE out_parent (id int PRIMARY KEY);
    CREATE TABLE child (more int) INHERITS (out_parent);
    CREATE TABLE out_cut (id int PRIMARY KEY);
    CREATE TABLE other.cut (id int PRIMARY KEY);
    CREATE TABLE follows (
        id int PRIMARY KEY, a int REFERENCES out_cut ON DELETE CASCADE,
        b int REFERENCES other.cut ON DELETE CASCADE);
    CREATE TABLE far (id int PRIMARY KEY);
    CREATE TABLE other.relay (id int PRIMARY KEY, far int REFERENCES far ON DELETE CASCADE);
    CREATE TABLE other.quiet (id int PRIMARY KEY, cut int REFERENCES other.lone);
    CREATE FUNCTION plainly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO users VALUES (NEW.id, 'w'); RETURN NULL; END $$;
    CREATE FUNCTION commented() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        /* don't */ INSERT INTO users VALUES (NEW.id, 'w'); RETURN NULL; END $$;
    CREATE FUNCTION escaped() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN
        x := E'\\''; INSERT INTO users VALUES (NEW.id, 'w'); RETURN NULL; END $$;
    CREATE FUNCTION add_user() RETURNS int LANGUAGE sql AS $$
        INSERT INTO users VALUES (1, 'x') RETURNING id $$;
    CREATE FUNCTION \"Add User\"() RETURNS int LANGUAGE sql AS $$ SELECT add_user() $$;
    CREATE FUNCTION quoted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.id := \"add_user\" (); RETURN NEW; END $$;
    CREATE FUNCTION oddly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.id := \"Add User\"(); RETURN NEW; END $$;
    CREATE TABLE commented (id int PRIMARY KEY);
    CREATE TRIGGER t AFTER INSERT ON commented FOR EACH ROW EXECUTE FUNCTION commented();
    CREATE TABLE escaped (id int PRIMARY KEY);
    CREATE TRIGGER t AFTER INSERT ON escaped FOR EACH ROW EXECUTE FUNCTION escaped();
    CREATE TABLE quoted (id int PRIMARY KEY);
    CREATE TRIGGER t BEFORE INSERT ON quoted FOR EACH ROW EXECUTE FUNCTION quoted();
    CREATE TABLE oddly (id int PRIMARY KEY);
    CREATE TRIGGER t BEFORE INSERT ON oddly FOR EACH ROW EXECUTE FUNCTION oddly();
    CREATE TABLE leafed (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE leaf PARTITION OF leafed FOR VALUES FROM (0) TO (9);
    CREATE TRIGGER t AFTER INSERT ON leaf FOR EACH ROW EXECUTE FUNCTION plainly();
    CREATE TABLE other.armed (id int PRIMARY KEY);
    CREATE TRIGGER t AFTER INSERT ON other.armed FOR EACH ROW EXECUTE FUNCTION plainly();";

const REFUSED: &[(&str, &str)] = &[
    ("INSERT INTO other.seen VALUES (1, 'v')", "`seen` was not"),
    ("INSERT INTO other.high VALUES (11)", "`high` was not"),
    ("INSERT INTO other.armed VALUES (1)", "`armed` was not"),
    ("DELETE FROM other.cut", "`cut` was not"),
    ("DELETE FROM other.nowhere", "`nowhere` was not"),
    ("INSERT INTO pg_catalog.pg_class VALUES (1)", "was not"),
    ("INSERT INTO out_ruled VALUES (1)", "`out_ruled` has rules"),
    ("DELETE FROM out_parent", "`out_parent` is part of an inh"),
    ("TRUNCATE out_parent", "`out_parent` is part of an inh"),
    ("TRUNCATE out_cut CASCADE", "`TRUNCATE .. CASCADE` empties"),
    (
        "MERGE INTO out_cut USING users ON true WHEN MATCHED THEN DELETE",
        "foreign keys of `follows` change its rows",
    ),
    ("DELETE FROM out_cut", "foreign keys of `follows` change"),
    ("INSERT INTO commented VALUES (1)", "the trigger `t` on"),
    ("INSERT INTO escaped VALUES (1)", "the trigger `t` on"),
    ("INSERT INTO quoted VALUES (1)", "the trigger `t` on"),
    ("INSERT INTO oddly VALUES (1)", "the trigger `t` on"),
    ("INSERT INTO leafed VALUES (1)", "the trigger `t` on"),
];

async fn pair(server: Server, tables: &str) -> Pair {
    let audit = ["out_ruled", "out_parent", "out_cut"]
        .into_iter()
        .fold(Audit::builder(), |audit, table| audit.exclude(table));
    Pair::new(server, tables, audit.build().unwrap()).await
}

fn refused(pair: &Pair, statements: &[(&str, &str)]) {
    let answers = statements.iter().map(|(sql, told)| {
        let planned = pair.planner.plan(sql).map_err(|it| it.to_string());
        let is_told = planned.as_ref().is_err_and(|it| it.contains(told));
        (is_told, format!("{sql}: {planned:?}"))
    });
    let missed = answers.filter(|(is_told, _)| !is_told).map(|(_, it)| it);
    assert_eq!(missed.collect::<Vec<_>>(), [""; 0]);
}

pub(crate) async fn rows_of_other_tables_do_not_change_unseen(server: Server) {
    let mut pair = pair(server, TABLES).await;
    refused(&pair, REFUSED);
    for sql in [
        "INSERT INTO other.lone VALUES (1)",
        "INSERT INTO other.quiet VALUES (1, 1)",
        "DELETE FROM other.quiet",
        "TRUNCATE other.quiet",
    ] {
        assert_eq!(pair.planner.plan(sql), Ok(Inline::AsIs), "{sql}");
        assert_eq!(pair.same(sql, &[]).await, [""; 0]);
    }
    // What follows is not recorded and changes nothing else, until it does.
    assert_eq!(pair.same("INSERT INTO far VALUES (1)", &[]).await.len(), 1);
    assert_eq!(pair.same("DELETE FROM far", &[]).await.len(), 1);
    pair.both(
        "CREATE TRIGGER t AFTER DELETE ON other.relay FOR EACH ROW EXECUTE FUNCTION plainly()",
    )
    .await;
    pair.replan().await;
    refused(&pair, &[("DELETE FROM far", "foreign keys of `relay`")]);
}

pub(crate) async fn a_row_that_may_not_be_paired_is_refused_below_18(server: Server) {
    let tables = "
        CREATE TABLE plain (id int PRIMARY KEY, n int DEFAULT 0);
        CREATE TABLE made (n int, id int GENERATED ALWAYS AS (n + 10) STORED PRIMARY KEY);
        CREATE TABLE moved (id int PRIMARY KEY, n int);
        CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.id := NEW.id + 1000; RETURN NEW; END $$;
        CREATE TRIGGER move BEFORE UPDATE ON moved FOR EACH ROW EXECUTE FUNCTION move();";
    let mut pair = pair(server, tables).await;
    for table in ["plain", "moved"] {
        let insert = format!("INSERT INTO {table} (id, n) VALUES (1, 0), (2, 0), (3, 0)");
        assert_eq!(pair.same(&insert, &[]).await.len(), 3);
    }
    pair.same("INSERT INTO made (n) VALUES (1), (2)", &[]).await;
    let unsure = [
        (
            "INSERT INTO plain VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET n = 1, id = 11 WHERE true",
            "sets `id`, a column of the key of `plain`",
        ),
        ("UPDATE made SET n = n + 1 WHERE n = 2", "`id`, a column"),
        ("UPDATE moved SET n = 1", "the trigger `move` may change"),
        (
            "INSERT INTO moved VALUES (1001, 0) ON CONFLICT (id) DO UPDATE SET n = 1",
            "the trigger `move` may change",
        ),
        (
            "UPDATE plain SET n = 2 WHERE id IN (SELECT id FROM plain ORDER BY id LIMIT 1 FOR UPDATE \
             SKIP LOCKED)",
            "calls `SKIP LOCKED`",
        ),
        (
            "UPDATE plain SET n = 3 FROM moved AS m TABLESAMPLE BERNOULLI (100) WHERE m.n = plain.n",
            "calls `TABLESAMPLE`",
        ),
    ];
    if server != Server::Postgres18 {
        refused(&pair, &unsure);
        let found = pair.planner.obstacles();
        assert_eq!(found.len(), 2, "{found:?}");
        return;
    }
    for (sql, _) in unsure {
        pair.same(sql, &[]).await;
    }
    assert_eq!(pair.planner.obstacles(), []);
}

pub(crate) async fn names_of_both_rows_are_those_of_the_server(server: Server) {
    let tables = "CREATE TABLE items (id int PRIMARY KEY, n int);";
    let mut pair = pair(server, tables).await;
    pair.same("INSERT INTO items VALUES (1, 0), (2, 0)", &[])
        .await;
    for (sql, told) in [
        (
            "UPDATE items AS old SET n = old.n + 1 RETURNING old.n",
            "a table is called `old`",
        ),
        (
            "UPDATE items SET n = items.n + 2 FROM (VALUES (1), (7)) AS new (id) WHERE new.id = \
             items.id RETURNING new.id",
            "a table is called `new`",
        ),
        (
            "UPDATE items \"old\" SET n = 5 WHERE \"old\".id = 1 RETURNING \"old\".id",
            "a table is called `old`",
        ),
        (
            "INSERT INTO items AS new VALUES (1, 9) ON CONFLICT (id) DO UPDATE SET n = new.n + 1 \
             RETURNING new.n",
            "a table is called `new`",
        ),
    ] {
        if server == Server::Postgres18 {
            refused(&pair, &[(sql, told)]);
        } else {
            assert!(!pair.same(sql, &[]).await.is_empty(), "{sql}");
        }
    }
    let delete = "DELETE FROM items AS old RETURNING old.id, old.n";
    assert_eq!(pair.same(delete, &[]).await.len(), 2);
}

pub(crate) async fn row_security_stands_in_the_way(server: Server) {
    let tables = "
        CREATE TABLE secured (id int PRIMARY KEY, n int);
        ALTER TABLE secured ENABLE ROW LEVEL SECURITY;";
    let pair = pair(server, tables).await;
    for sql in [
        "INSERT INTO secured VALUES (1, 1)",
        "INSERT INTO secured VALUES (1, 1) ON CONFLICT DO NOTHING",
        "UPDATE secured SET n = 1",
        "DELETE FROM secured",
    ] {
        refused(&pair, &[(sql, "`secured` has row level security")]);
    }
    assert_eq!(pair.planner.obstacles().len(), 1);
}

pub(crate) async fn what_triggers_record_is_not_recorded_twice(server: Server) {
    let tables = "CREATE TABLE items (id int PRIMARY KEY, n int);";
    let mut pair = pair(server, tables).await;
    let statements = [
        "INSERT INTO items VALUES (1, 1)",
        "UPDATE items SET n = 1",
        "DELETE FROM items",
    ];
    let planner = pair.planner_behind_triggers("SELECT 1").await;
    for sql in statements {
        let refused = planner.plan(sql).unwrap_err().to_string();
        assert!(refused.contains("would be recorded twice"), "{refused}");
    }
    let planner = planner.on_uncapturable(OnUncapturable::Allow);
    assert!(matches!(
        planner.plan("DELETE FROM items"),
        Ok(Inline::Uncaptured { event: None, .. })
    ));
    let off = "ALTER TABLE items DISABLE TRIGGER ALL";
    let planner = pair.planner_behind_triggers(off).await;
    for sql in statements {
        assert!(
            matches!(planner.plan(sql), Ok(Inline::Spliced(_))),
            "{sql}: {:?}",
            planner.plan(sql)
        );
    }
}
