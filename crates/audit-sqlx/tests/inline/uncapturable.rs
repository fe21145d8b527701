//! What cannot be captured, and what needs no capture.

use audit_capture::inline::{Inline, Uncapturable};
use audit_core::Audit;
use audit_testkit::Server;

use crate::pair::{Pair, alice, answer, events, extra, run};

const TABLES: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users ON DELETE CASCADE);
    CREATE TABLE keyless (a int);
    CREATE TABLE sessions (id int PRIMARY KEY);
    CREATE TABLE ruled (id int PRIMARY KEY);
    CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO keyless VALUES (1);
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (more int) INHERITS (parent);
    CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);
    CREATE VIEW shown AS SELECT * FROM users;
    CREATE FUNCTION add_user() RETURNS int LANGUAGE sql AS $$
        INSERT INTO users VALUES (1, 'x') RETURNING id $$;
    CREATE FUNCTION asks() RETURNS bigint STABLE LANGUAGE sql AS $$ SELECT count(*) FROM users $$;
    CREATE PROCEDURE add_users() LANGUAGE sql AS $$ INSERT INTO users VALUES (2, 'y') $$;
    CREATE TABLE watched (id int PRIMARY KEY);
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO users VALUES (NEW.id, 'watched'); RETURN NULL; END $$;
    CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch();
    CREATE SCHEMA other;
    CREATE TABLE other.things (id int);";

/// Statements, and what is told of them.
const REFUSED: &[(&str, &str)] = &[
    ("DELETE FROM users; DELETE FROM posts", "several statements"),
    (
        "COPY users FROM STDIN",
        "`COPY` gives no rows back for `users`",
    ),
    (
        "TRUNCATE posts, users",
        "`TRUNCATE` gives no rows back for `posts`",
    ),
    (
        "MERGE INTO users USING posts ON true WHEN MATCHED THEN DELETE",
        "`MERGE` gives no rows",
    ),
    (
        "WITH d AS (DELETE FROM posts RETURNING id) SELECT * FROM d",
        "within the statement",
    ),
    ("SELECT add_user()", "the function `add_user` is volatile"),
    (
        "INSERT INTO posts SELECT public.\"add_user\"()",
        "the function `add_user` is volatile",
    ),
    ("CALL add_users()", "`CALL` runs statements"),
    (
        "DO $$ BEGIN DELETE FROM users; END $$",
        "`DO` runs statements",
    ),
    (
        "PREPARE x AS DELETE FROM posts",
        "`PREPARE` runs statements",
    ),
    (
        "EXPLAIN ANALYZE DELETE FROM posts",
        "EXPLAIN ANALYZE runs the statement",
    ),
    (
        "DELETE FROM users",
        "foreign keys of `posts` change its rows",
    ),
    ("INSERT INTO ruled VALUES (1)", "`ruled` has rules"),
    (
        "UPDATE child SET more = 1",
        "`child` is part of an inheritance tree",
    ),
    (
        "DELETE FROM parent",
        "`parent` is part of an inheritance tree",
    ),
    ("UPDATE parted SET id = 1", "move rows of `parted`"),
    (
        "INSERT INTO low VALUES (1)",
        "the table `low` was not there",
    ),
    (
        "INSERT INTO shown VALUES (1, 'v')",
        "the table `shown` was not there",
    ),
    ("DELETE FROM nowhere", "the table `nowhere` was not there"),
    (
        "INSERT INTO watched VALUES (1)",
        "the trigger `watch` on `watched`",
    ),
    (
        "DELETE FROM posts WHERE CURRENT OF c",
        "the row of a cursor",
    ),
    (
        "DELETE FROM posts RETURNING CASE WHEN id = 1 THEN 2 END",
        "in RETURNING has no name",
    ),
    ("FROB posts", "begins with `FROB`"),
    ("DELETE FROM posts WHERE id = 'x", "cannot be read"),
];

async fn pair(server: Server) -> Pair {
    let audit = Audit::builder().exclude("sessions").build().unwrap();
    Pair::new(server, TABLES, audit).await
}

pub(crate) async fn what_cannot_be_captured_is_told_before_it_runs(server: Server) {
    let pair = pair(server).await;
    let is_newest = server == Server::Postgres18;
    for &(sql, told) in REFUSED {
        let refused = pair.refused(sql).to_string();
        assert!(refused.contains(told), "{sql}: {refused}");
    }
    for (sql, told) in [
        ("UPDATE keyless SET a = 1", "`keyless` has no primary key"),
        (
            "UPDATE posts SET id = 2",
            "sets `id`, a column of the key of `posts`",
        ),
        ("UPDATE posts SET (author, id) = (1, 2)", "sets `id`"),
        (
            "UPDATE posts SET author = 1 WHERE random() < 0.5",
            "calls `random`",
        ),
    ] {
        match pair.planner.plan(sql) {
            Err(refused) if !is_newest => {
                assert!(refused.to_string().contains(told), "{sql}: {refused}");
            }
            Ok(Inline::Spliced(_)) if is_newest => {}
            other => panic!("{sql}: {other:?}"),
        }
    }
    assert_eq!(pair.refused("SELECT 'a"), Uncapturable::Unreadable);
}

pub(crate) async fn what_stands_in_the_way_of_a_table_is_told_at_once(server: Server) {
    let pair = pair(server).await;
    let mut found = pair.planner.obstacles();
    found.retain(|found| !matches!(found, Uncapturable::NoKey { .. }));
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let named = [
        "`child`",
        "`parent`",
        "`parted`",
        "`ruled`",
        "`users`",
        "`watched`",
    ];
    assert_eq!(found.len(), named.len(), "{found:?}");
    for (found, named) in found.iter().zip(named) {
        assert!(found.contains(named), "{found}");
    }
}

pub(crate) async fn a_name_that_means_another_table_is_refused(server: Server) {
    let mut pair = pair(server).await;
    let insert = "INSERT INTO keyless VALUES (1)";
    let spliced = pair.plan(insert);
    let extra = extra(&pair.audit, &spliced, &alice());
    for other in [
        "CREATE TEMP TABLE keyless (a int)",
        "DROP TABLE pg_temp.keyless",
    ] {
        run(&mut pair.inline, other).await;
        let done = answer(&mut pair.inline, spliced.text(), &[], &extra, true).await;
        if other.starts_with("CREATE") {
            assert!(done.contains("name its schema"), "{done}");
            assert!(events(&mut pair.inline).await.is_empty());
        } else {
            assert_eq!(done, "affected 1\n");
        }
    }
}

pub(crate) async fn what_changes_nothing_that_is_recorded_runs_as_it_is(server: Server) {
    let mut pair = pair(server).await;
    for sql in [
        "SELECT asks()",
        "SELECT * FROM users WHERE name = 'DELETE FROM users; -- '",
        "SELECT id AS update, name AS delete FROM users FOR UPDATE",
        "WITH u AS (SELECT 1 AS update) SELECT update FROM u",
        "(SELECT 1) UNION (SELECT 2)",
        "VALUES (1, 'INSERT')",
        "TABLE users",
        "BEGIN; SAVEPOINT s; ROLLBACK TO s; COMMIT",
        "SET TimeZone = 'UTC'",
        "SHOW TimeZone",
        "CREATE TABLE fresh AS SELECT * FROM users",
        "EXPLAIN DELETE FROM posts",
        "EXPLAIN ANALYZE SELECT * FROM posts",
        "COPY users TO STDOUT",
        "COPY (SELECT * FROM users) TO STDOUT",
        "INSERT INTO sessions VALUES (1)",
        "DELETE FROM sessions",
        "TRUNCATE sessions",
        "INSERT INTO other.things VALUES (1)",
        "INSERT INTO audit.audit_settings VALUES ('unused', 'on')",
        "",
        ";;",
        "-- nothing",
    ] {
        assert_eq!(pair.planner.plan(sql), Ok(Inline::AsIs), "{sql}");
        if !["COPY", "BEGIN", "audit_settings", "SET", "ANALYZE", "--"]
            .iter()
            .any(|no| sql.contains(no))
            && sql.len() > 2
        {
            assert_eq!(pair.same(sql, &[]).await, [""; 0]);
        }
    }
}
