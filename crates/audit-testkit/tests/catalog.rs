//! What the comparison of catalogs sees: every kind of thing that a database can have.

use audit_core::Dialect;
use audit_testkit::{Catalog, Server, TestDatabase};

const TABLE: &str = "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(9))";

/// Statements after each of which the catalog is another one.
fn changes(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Postgres => &[
            "ALTER TABLE t ALTER v SET DEFAULT 'a'",
            "ALTER TABLE t ALTER v SET NOT NULL",
            "ALTER TABLE t ALTER v TYPE text",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (v <> '')",
            "ALTER TABLE t ADD CONSTRAINT u UNIQUE (v)",
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (v) REFERENCES t (v)",
            "ALTER TABLE t DROP CONSTRAINT f, ADD CONSTRAINT f FOREIGN KEY (v) REFERENCES t (v) ON DELETE CASCADE",
            "CREATE INDEX i ON t (v)",
            "CREATE VIEW w AS SELECT id FROM t",
            "CREATE OR REPLACE VIEW w AS SELECT id FROM t WHERE id > 1",
            "CREATE RULE r AS ON INSERT TO w DO INSTEAD NOTHING",
            "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE OR REPLACE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "ALTER FUNCTION g() SECURITY DEFINER",
            "CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION g()",
            "ALTER TABLE t DISABLE TRIGGER a",
            "CREATE POLICY p ON t USING (true)",
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            "GRANT SELECT ON t TO PUBLIC",
            "GRANT UPDATE (v) ON t TO PUBLIC",
            "REVOKE EXECUTE ON FUNCTION g() FROM PUBLIC",
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
            "CREATE SCHEMA s",
            "CREATE SEQUENCE q",
            "CREATE TYPE e AS ENUM ('a')",
            "ALTER TYPE e ADD VALUE 'b'",
            "CREATE FUNCTION h() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION h()",
        ],
        Dialect::MySql => &[
            "ALTER TABLE t ALTER v SET DEFAULT 'a'",
            "ALTER TABLE t MODIFY v VARCHAR(9) NOT NULL DEFAULT 'a'",
            "ALTER TABLE t MODIFY v VARCHAR(8) NOT NULL DEFAULT 'a'",
            "ALTER TABLE t MODIFY v VARCHAR(8) COLLATE utf8mb4_bin NOT NULL DEFAULT 'a'",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (v <> '')",
            "ALTER TABLE t ADD CONSTRAINT u UNIQUE (v)",
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (v) REFERENCES t (v)",
            "ALTER TABLE t DROP FOREIGN KEY f, ADD CONSTRAINT f2 FOREIGN KEY (v) REFERENCES t (v) ON DELETE CASCADE",
            "CREATE INDEX i ON t (v(3))",
            "CREATE VIEW w AS SELECT id FROM t",
            "CREATE OR REPLACE VIEW w AS SELECT id FROM t WHERE id > 1",
            "CREATE FUNCTION g() RETURNS INT RETURN 1",
            "CREATE OR REPLACE FUNCTION g() RETURNS INT RETURN 2",
            "CREATE PROCEDURE g() SELECT 1",
            "CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW SET @x = 1",
            "CREATE OR REPLACE TRIGGER a AFTER INSERT ON t FOR EACH ROW SET @x = 2",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SET @x = 1",
            "ALTER TABLE t ROW_FORMAT = COMPACT",
            "ALTER TABLE t COMMENT = 'a table'",
        ],
        _ => &[
            "ALTER TABLE t ADD d TEXT DEFAULT 'a'",
            "ALTER TABLE t ADD c TEXT CHECK (c <> '')",
            "CREATE INDEX i ON t (v)",
            "CREATE VIEW w AS SELECT id FROM t",
            "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END",
        ],
    }
}

async fn every_change_is_seen(server: Server) {
    let database = TestDatabase::create(server).await;
    let dialect = server.dialect();
    let mut raw = database.raw().await;
    raw.run(TABLE).await;
    let mut before = Catalog::read(&mut raw, dialect).await;
    for change in changes(dialect) {
        raw.run(change).await;
        let after = Catalog::read(&mut raw, dialect).await;
        assert_ne!(after, before, "{change}");
        before = after;
    }
}

async fn rights_of_an_account_are_seen(server: Server) {
    let database = TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    raw.run(TABLE).await;
    raw.run("CREATE FUNCTION g() RETURNS INT RETURN 1").await;
    let (_, name) = database.url().rsplit_once('/').unwrap_or_default();
    let account = format!("'r_{name}'@'localhost'");
    raw.run(&format!("CREATE USER {account}")).await;
    let mut before = Catalog::read(&mut raw, server.dialect()).await;
    for right in [
        format!("SELECT ON {name}.*"),
        "SELECT ON t".to_owned(),
        "UPDATE (v) ON t".to_owned(),
        "EXECUTE ON FUNCTION g".to_owned(),
    ] {
        raw.run(&format!("GRANT {right} TO {account}")).await;
        let after = Catalog::read(&mut raw, server.dialect()).await;
        assert_ne!(after, before, "{right}");
        before = after;
    }
    raw.run(&format!("DROP USER {account}")).await;
}

/// Expands to the test of one server.
macro_rules! seen {
    ($module:ident, $server:ident) => {
        mod $module {
            #[tokio::test]
            async fn every_change_is_seen() {
                super::every_change_is_seen(audit_testkit::Server::$server).await;
            }
        }
    };
}

seen!(postgres15, Postgres15);
seen!(postgres16, Postgres16);
seen!(postgres17, Postgres17);
seen!(postgres18, Postgres18);
seen!(sqlite, Sqlite);

mod mariadb {
    use audit_testkit::Server;

    #[tokio::test]
    async fn every_change_is_seen() {
        super::every_change_is_seen(Server::MariaDb).await;
    }

    #[tokio::test]
    async fn rights_of_an_account_are_seen() {
        super::rights_of_an_account_are_seen(Server::MariaDb).await;
    }
}
