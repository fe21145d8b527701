//! The log as a table of Diesel's.

/// Expands to the test of one database: the server, the type of its connections, its module.
macro_rules! stored {
    ($server:expr, $connection:ty, $schema:ident) => {
        #[cfg(feature = "schema")]
        #[tokio::test(flavor = "multi_thread")]
        async fn the_log_is_a_table_of_diesel() {
            use audit_diesel::schema::$schema::{StoredEvent, audit_logs};
            use audit_testkit::stored::{assert_same, full_event};
            use audit_testkit::stored_fields;

            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                let pool = pool_of_one(&url);
                user("alice").sync_scope(|| {
                    let mut held = pool.get().unwrap();
                    insert(&mut held, 1);
                    let change = "UPDATE t SET v = 7";
                    held.batch_execute(change).unwrap();
                });
                let mut held = pool.get().unwrap();
                let dialect = $server.dialect();
                held.batch_execute(&full_event(dialect)).unwrap();
                let told: Vec<StoredEvent> = audit_logs::table
                    .order((audit_logs::occurred_at, audit_logs::id))
                    .select(StoredEvent::as_select())
                    .load(&mut held)
                    .unwrap();
                let told: Vec<_> = told.iter().map(|row| stored_fields!(row)).collect();
                assert!(told.len() >= 3);
                assert_same(&told, &events(&mut held));
                type Backend = <$connection as Connection>::Backend;
                let all = audit_logs::table.select(audit_logs::all_columns);
                let sql = diesel::debug_query::<Backend, _>(&all).to_string();
                let columns = sql
                    .trim_start_matches("SELECT ")
                    .split(" FROM ")
                    .next()
                    .unwrap()
                    .split(", ");
                let names = columns.map(|column| {
                    column
                        .rsplit('.')
                        .next()
                        .unwrap()
                        .trim_matches(['"', '`'])
                        .to_owned()
                });
                let known = audit_core::schema::LOG_COLUMNS
                    .iter()
                    .map(|column| column.name);
                assert!(names.eq(known), "{sql}");
            })
            .await;
        }
    };
}
