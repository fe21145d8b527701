//! Statements of other databases, which the page says a database does not have.

use crate::database::{Server, TestDatabase};

/// Two tables, of which one has two rows.
const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); \
     CREATE TABLE u (id INTEGER PRIMARY KEY, v INTEGER); \
     INSERT INTO t VALUES (1, 1), (2, 2)";

const MERGE: &str = "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE";
const WITH: &str = "WITH d AS (DELETE FROM t RETURNING id) SELECT id FROM d";
const INHERITS: &str = "CREATE TABLE w (n INTEGER) INHERITS (t)";
const VERSIONS: &str = "CREATE TABLE w (id INTEGER PRIMARY KEY) WITH SYSTEM VERSIONING";
const LIMIT: &str = "UPDATE t SET v = 7 ORDER BY id LIMIT 1";
const TWO_TABLES: &str = "UPDATE t, u SET t.v = 7, u.v = 7";
/// Keys that change places.
const PLACES: &str = "UPDATE t SET id = 3 - id";

/// Those that a server refuses.
fn refused(server: Server) -> &'static [&'static str] {
    match server {
        Server::MariaDb => &[
            MERGE,
            WITH,
            INHERITS,
            PLACES,
            "CREATE TABLE w (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t (id) \
             DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TABLE w (id INTEGER PRIMARY KEY, FOREIGN KEY (id) REFERENCES t (id)) \
             PARTITION BY HASH (id)",
            "CREATE POLICY p ON t USING (v > 0)",
        ],
        Server::Sqlite => &[
            MERGE,
            WITH,
            INHERITS,
            VERSIONS,
            LIMIT,
            TWO_TABLES,
            PLACES,
            "COPY t FROM '/dev/null'",
            "LOAD DATA INFILE '/dev/null' INTO TABLE t",
            "CREATE TABLE w (id INTEGER PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE FUNCTION f() RETURNS INTEGER RETURN 1",
            "CREATE PROCEDURE p() BEGIN SELECT 1; END",
            "GRANT SELECT ON t TO somebody",
            "ALTER TABLE t ALTER COLUMN v TYPE TEXT",
            "CREATE TABLE \"T\" (id INTEGER PRIMARY KEY)",
            "CREATE VIRTUAL TABLE f USING fts5(v); \
             CREATE TRIGGER g AFTER INSERT ON f BEGIN DELETE FROM t; END",
        ],
        _ => &[
            VERSIONS,
            LIMIT,
            TWO_TABLES,
            "REPLACE INTO t VALUES (1, 7)",
            "UPDATE IGNORE t SET v = 7",
        ],
    }
}

/// Proves that a server refuses them; else the page is to be written anew.
pub async fn what_only_others_have_is_refused(server: Server) {
    let database = TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    raw.run(TABLES).await;
    for sql in refused(server) {
        assert!(raw.try_run(sql).await.is_err(), "{sql} is there by now");
    }
}
