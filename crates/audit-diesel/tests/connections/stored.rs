//! The log as a table of Diesel's.

/// Expands to the test of one database: the server, the type of its connections, its module.
macro_rules! stored {
    ($server:expr, $connection:ty, $schema:ident) => {
        #[cfg(feature = "schema")]
        #[tokio::test(flavor = "multi_thread")]
        async fn the_log_is_a_table_of_diesel() {
            use audit_diesel::schema::$schema::{StoredEvent, audit_logs};

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
                let told: Vec<StoredEvent> = audit_logs::table
                    .filter(audit_logs::actor_id.eq("alice"))
                    .order((audit_logs::occurred_at, audit_logs::id))
                    .select(StoredEvent::as_select())
                    .load(&mut held)
                    .unwrap();
                let events = events(&mut held);
                let told: Vec<_> = told
                    .into_iter()
                    .map(|row| {
                        let list = row
                            .changed_fields
                            .map(|list| format!("{list:?}").contains("v"));
                        (
                            row.operation,
                            row.actor_kind,
                            row.record_id,
                            row.schema_version,
                            list,
                        )
                    })
                    .collect();
                let expected: Vec<_> = events
                    .into_iter()
                    .map(|event| {
                        let list = event.changed_fields.map(|list| list == ["v"]);
                        let operation = event.operation.as_str().to_owned();
                        let kind = event.actor_kind.as_str().to_owned();
                        (operation, kind, event.record_id, event.schema_version, list)
                    })
                    .collect();
                assert_eq!(told.len(), 2);
                assert_eq!(told, expected);
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
