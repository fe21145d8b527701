//! Two databases with the same tables: one has triggers, in the other statements write their events.

use std::fmt::Write as _;

use audit_capture::inline::{Inline, Planner, Rows, Spliced, Uncapturable};
use audit_capture::{Catalog, postgres_key};
use audit_core::query::{Bind, BoundQuery};
use audit_core::stamp::Stamp;
use audit_core::{Actor, Audit, AuditContext, Dialect, schema};
use audit_testkit::{Server, TestDatabase};
use futures_util::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column, Connection, Either, Postgres, Row, TypeInfo, ValueRef};

pub(crate) struct Pair {
    pub(crate) audit: Audit,
    pub(crate) planner: Planner,
    pub(crate) inline: PgConnection,
    pub(crate) inline_database: TestDatabase,
    triggers: PoolConnection<Postgres>,
    _pool: PgPool,
    _database: TestDatabase,
}

pub(crate) fn alice() -> AuditContext {
    AuditContext::new()
        .with_actor(Actor::user("alice"))
        .with_reason("it's \"due\" \\ now")
}

impl Pair {
    pub(crate) async fn new(server: Server, tables: &str, audit: Audit) -> Self {
        let database = TestDatabase::create(server).await;
        let pool = prepare(&database, tables, &audit).await;
        let triggers = alice().scope(pool.acquire()).await.unwrap();
        let inline_database = TestDatabase::create(server).await;
        let prepared = prepare(&inline_database, tables, &audit).await;
        audit_sqlx::migrate_inline(&prepared, &audit).await.unwrap();
        prepared.close().await;
        let mut inline = PgConnection::connect(inline_database.url()).await.unwrap();
        let planner = Planner::new(&audit, catalog(&mut inline).await);
        Self {
            audit,
            planner,
            inline,
            inline_database,
            triggers,
            _pool: pool,
            _database: database,
        }
    }

    /// Runs a statement that is no matter of capture on both.
    pub(crate) async fn both(&mut self, sql: &str) {
        run(&mut self.triggers, sql).await;
        run(&mut self.inline, sql).await;
    }

    /// Reads the catalog again.
    pub(crate) async fn replan(&mut self) {
        self.planner = Planner::new(&self.audit, catalog(&mut self.inline).await);
    }

    /// A planner by the catalog of the database that has triggers, after a statement on it.
    pub(crate) async fn planner_behind_triggers(&mut self, sql: &str) -> Planner {
        run(&mut self.triggers, sql).await;
        Planner::new(&self.audit, catalog(&mut self.triggers).await)
    }

    pub(crate) fn plan(&self, sql: &str) -> Spliced {
        match self.planner.plan(sql) {
            Ok(Inline::Spliced(spliced)) => spliced,
            other => panic!("{sql}: {other:?}"),
        }
    }

    pub(crate) fn refused(&self, sql: &str) -> Uncapturable {
        match self.planner.plan(sql) {
            Err(refused) => refused,
            Ok(planned) => panic!("{sql}: {planned:?}"),
        }
    }

    /// Runs a statement on both, and holds what it gives back and what is recorded against each
    /// other; gives the events.
    pub(crate) async fn same(&mut self, sql: &str, binds: &[&str]) -> Vec<String> {
        let planned = self.planner.plan(sql);
        let planned = planned.unwrap_or_else(|refused| panic!("{sql}: {refused}"));
        let wanted = answer(&mut self.triggers, sql, binds, &[], false).await;
        let found = match &planned {
            Inline::Spliced(spliced) => {
                let extra = extra(&self.audit, spliced, &alice());
                let drops_rows = spliced.rows() == Rows::Uncalled;
                let inline = &mut self.inline;
                answer(inline, spliced.text(), binds, &extra, drops_rows).await
            }
            _ => answer(&mut self.inline, sql, binds, &[], false).await,
        };
        assert_eq!(found, wanted, "{sql}");
        let (found, wanted) = (
            events(&mut self.inline).await,
            events(&mut self.triggers).await,
        );
        assert_eq!(found, wanted, "{sql}");
        self.both("DELETE FROM audit.audit_logs").await;
        found
    }
}

async fn prepare(database: &TestDatabase, tables: &str, audit: &Audit) -> PgPool {
    database.raw().await.run(tables).await;
    let pool = audit_sqlx::attach(PgPoolOptions::new().max_connections(2), audit)
        .connect(database.url())
        .await
        .unwrap();
    audit_sqlx::migrate(&pool, audit).await.unwrap();
    pool
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn text(connection: &mut PgConnection, query: &BoundQuery) -> String {
    let mut bound = sqlx::query_scalar(AssertSqlSafe(query.text.as_str()));
    for bind in &query.binds {
        bound = match bind {
            Bind::Text(text) => bound.bind(text),
            other => panic!("{other:?}"),
        };
    }
    bound.fetch_one(connection).await.unwrap()
}

pub(crate) async fn catalog(connection: &mut PgConnection) -> Catalog {
    let mut texts = String::new();
    for query in Catalog::queries(Dialect::Postgres, &[]) {
        texts.push_str(&text(connection, &query).await);
    }
    Catalog::parse(&texts).unwrap()
}

/// What a spliced statement takes behind the binds of the application.
pub(crate) fn extra(audit: &Audit, spliced: &Spliced, context: &AuditContext) -> Vec<String> {
    let stamp = Stamp::new(Some(context), audit.service(), audit.environment());
    let mut extra = vec![stamp.joined().to_owned()];
    if spliced.needs_key() {
        extra.push(audit.hash_key().map(postgres_key).unwrap_or_default());
    }
    extra
}

fn bound<'q>(
    sql: &'q str,
    binds: &'q [&str],
    extra: &'q [String],
) -> Query<'q, Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for bind in binds {
        query = query.bind(*bind);
    }
    for bind in extra {
        query = query.bind(bind);
    }
    query
}

/// The whole answer of a prepared statement: rows with names, types and values, and rows affected.
pub(crate) async fn answer(
    connection: &mut PgConnection,
    sql: &str,
    binds: &[&str],
    extra: &[String],
    drops_rows: bool,
) -> String {
    let mut words = String::new();
    #[expect(deprecated, reason = "the number of rows is in the end of the stream")]
    let mut answer = bound(sql, binds, extra).fetch_many(connection);
    loop {
        match answer.try_next().await {
            Ok(Some(Either::Left(done))) => {
                let _ = writeln!(words, "affected {}", done.rows_affected());
            }
            Ok(Some(Either::Right(row))) if drops_rows => assert!(row.is_empty()),
            Ok(Some(Either::Right(row))) => row_in_words(&mut words, &row),
            Ok(None) => return words,
            Err(error) => {
                let error = error.as_database_error().unwrap();
                let constraint = error.constraint();
                return format!("{words}{:?} {error} {constraint:?}", error.code());
            }
        }
    }
}

fn row_in_words(words: &mut String, row: &PgRow) {
    for column in row.columns() {
        let value = row.try_get_raw(column.ordinal()).unwrap();
        let bytes = (!value.is_null()).then(|| value.as_bytes().unwrap());
        let name = column.type_info().name();
        let _ = write!(words, "{} {name} {bytes:?}, ", column.name());
    }
    words.push('\n');
}

/// The events but for what differs between two databases, in any order.
pub(crate) async fn events(connection: &mut PgConnection) -> Vec<String> {
    let differ = [
        "id",
        "occurred_at",
        "recorded_at",
        "transaction_id",
        "source",
    ];
    let columns = schema::LOG_COLUMNS.iter().map(|column| column.name);
    let columns: Vec<String> = columns
        .filter(|name| !differ.contains(name))
        .map(|name| format!("{name}::text"))
        .collect();
    let sql = format!(
        "SELECT row_to_json(e)::text FROM (SELECT {} FROM audit.audit_logs) AS e",
        columns.join(", ")
    );
    let events = sqlx::query_scalar(AssertSqlSafe(sql.as_str())).fetch_all(connection);
    let mut events: Vec<String> = events.await.unwrap();
    events.sort();
    events
}
