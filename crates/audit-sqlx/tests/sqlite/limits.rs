//! A database that takes no more.

use audit_sqlite::CheckOut;

use super::*;

/// The file is the log's and the tables' alike.
fn assert_unclear(error: &sqlx::Error, words: &str) {
    let capture = CaptureError::of(error);
    let Some(capture @ CaptureError::Unclear(_)) = capture else {
        panic!("{error}: {capture:?}");
    };
    assert!(!capture.is_certain() && capture.is_retryable(), "{error}");
    assert!(capture.to_string().contains(words), "{capture}");
}

#[tokio::test]
async fn a_full_database_undoes_the_change_with_its_event() {
    let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)", 1).await;
    let mut held = alice().scope(pool.acquire()).await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&mut *held)
        .await
        .unwrap();
    let limit = format!("PRAGMA max_page_count = {}", pages + 12);
    held.execute(AssertSqlSafe(limit)).await.unwrap();
    let mut written = 0;
    let error = loop {
        assert!(written < 1_000, "the database is never full");
        let insert = "INSERT INTO t (v) VALUES (hex(randomblob(500)))";
        match held.execute(insert).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    // The database as a whole is full: nobody can tell whose page it was.
    assert_unclear(&error, "database or disk is full");
    held.execute("PRAGMA max_page_count = 1000000")
        .await
        .unwrap();
    drop(held);
    let rows = oracle::snapshot(&mut database.raw().await, Dialect::Sqlite).await;
    let empty = oracle::Snapshot::from([("t".to_owned(), oracle::Rows::Keyed([].into()))]);
    let events = events(&pool).await;
    assert!(written > 0 && events.len() == written);
    oracle::replay(Dialect::Sqlite, &empty, &events, &rows).unwrap();
    pool.execute("INSERT INTO t (v) VALUES ('there is room')")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_that_is_locked_for_too_long_undoes_the_change() {
    let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
    let mut other = SqliteConnection::connect(database.url()).await.unwrap();
    let mut held = alice().scope(pool.acquire()).await.unwrap();
    held.execute("PRAGMA busy_timeout = 50").await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let error = held.execute("INSERT INTO t VALUES (1)").await.unwrap_err();
    assert_unclear(&error, "database is locked");
    other.execute("COMMIT").await.unwrap();
    held.execute("INSERT INTO t VALUES (2)").await.unwrap();
    drop(held);
    let events = events(&pool).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor_id.as_deref(), Some("alice"));
}

#[tokio::test]
async fn a_checkout_knows_whether_the_triggers_fit_the_schema_or_says_why_not() {
    let (database, pool) = world("CREATE TABLE t (id INTEGER PRIMARY KEY)", 1).await;
    pool.close().await;
    let options = || {
        let options: SqliteConnectOptions = database.url().parse().unwrap();
        options.busy_timeout(std::time::Duration::ZERO)
    };
    let mut one = SqliteConnection::connect_with(&options()).await.unwrap();
    let mut other = SqliteConnection::connect_with(&options()).await.unwrap();
    let check_out = audit_capture::context::sqlite::CHECK_OUT;
    let found = async |connection: &mut SqliteConnection| {
        let number = sqlx::query_scalar::<_, i64>(check_out).bind("");
        let found = CheckOut::from_number(number.fetch_one(connection).await.unwrap());
        (found.is_current, found.is_in_transaction)
    };
    assert_eq!(found(&mut one).await, (false, false));

    let version = sqlx::query_scalar::<_, i64>("PRAGMA schema_version");
    let version = version.fetch_one(&mut other).await.unwrap();
    let installed = sqlx::query("SELECT audit_installed(?1, '')").bind(version);
    installed.execute(&mut one).await.unwrap();
    assert_eq!(found(&mut one).await, (true, false));
    one.execute("BEGIN").await.unwrap();
    assert_eq!(found(&mut one).await, (true, true));
    one.execute("CREATE TABLE mine (id)").await.unwrap();
    assert_eq!(found(&mut one).await, (false, true));
    one.execute("ROLLBACK").await.unwrap();
    assert_eq!(found(&mut one).await, (true, false));
    // Each statement that is kept prepared has its own schema.
    let second = format!("{check_out} -- kept beside the first");
    let found_by_second = async |connection: &mut SqliteConnection| {
        let number = sqlx::query_scalar::<_, i64>(AssertSqlSafe(&*second)).bind("");
        CheckOut::from_number(number.fetch_one(connection).await.unwrap()).is_current
    };
    assert!(found_by_second(&mut one).await);
    other.execute("CREATE TABLE theirs (id)").await.unwrap();
    assert!(!found_by_second(&mut one).await);
    assert_eq!(found(&mut one).await, (false, false));
    let version = "SELECT audit_installed(schema_version, '') FROM pragma_schema_version";
    one.execute(version).await.unwrap();
    assert_eq!(found(&mut one).await, (true, false));
    assert!(found_by_second(&mut one).await);
    other.execute("DROP TABLE theirs").await.unwrap();
    assert_eq!(found(&mut one).await, (false, false));
    one.execute(version).await.unwrap();

    let change_schema = async |other: &mut SqliteConnection, one: &mut SqliteConnection| {
        other.execute("INSERT INTO t DEFAULT VALUES").await.unwrap();
        assert_eq!(found(one).await, (true, false));
        assert_eq!(found(one).await, (true, false));
        other.execute("CREATE TABLE theirs (id)").await.unwrap();
        assert_eq!(found(one).await, (false, false));
        other.execute("DROP TABLE theirs").await.unwrap();
        other.execute("PRAGMA schema_version = 100").await.unwrap();
        one.execute("SELECT audit_installed(100, '')")
            .await
            .unwrap();
        assert_eq!(found(one).await, (true, false));
        one.execute("CREATE TABLE mine (id)").await.unwrap();
        assert_eq!(found(one).await, (false, false));
        one.execute("DROP TABLE mine; PRAGMA schema_version = 100")
            .await
            .unwrap();
        assert_eq!(found(one).await, (true, false));
    };
    change_schema(&mut other, &mut one).await;

    // Without a write-ahead log nobody reads while somebody writes.
    other.close().await.unwrap();
    one.execute("PRAGMA journal_mode = DELETE").await.unwrap();
    let mut other = SqliteConnection::connect_with(&options()).await.unwrap();
    change_schema(&mut other, &mut one).await;
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let fits = sqlx::query_scalar::<_, bool>(check_out).bind("");
    let error = fits.fetch_one(&mut one).await.unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code());
    assert_eq!(code.as_deref(), Some("5"), "{error}");
    other.execute("COMMIT").await.unwrap();

    // A table that has the name of the one that counts is an error, not one that counts nothing.
    one.execute("CREATE TABLE audit_prepared (id)")
        .await
        .unwrap();
    let number = sqlx::query_scalar::<_, i64>(check_out).bind("");
    let error = number.fetch_one(&mut one).await.unwrap_err().to_string();
    assert!(error.contains("is not a function"), "{error}");
}
