//! What is written on SQLite alone.

diesel::table! {
    things (id) {
        id -> Integer,
        data -> Json,
        weight -> Double,
        bytes -> Binary,
        at -> Timestamp,
        done -> Bool,
    }
}

/// Expands to the tests: the type of the connections, and what waits for a call of the library.
macro_rules! sqlite {
    ($connection:ty; $($wait:tt)*) => {
        use crate::dsl::sqlite::things;
        use diesel::upsert::excluded;

        #[tokio::test(flavor = "multi_thread")]
        async fn rows_that_are_returned() {
            let told = proved!(Server::Sqlite, $connection, "", |held| {
                for row in [person(1, "a"), person(2, "b")] {
                    let insert = diesel::insert_into(people::table).values(&row);
                    let insert = insert.returning(Person::as_returning());
                    assert_eq!(insert.get_result(&mut held) $($wait)*, Ok(row.clone()));
                }
                let id: i32 = diesel::update(people::table.find(2))
                    .set(people::name.eq("c"))
                    .returning(people::id)
                    .get_result(&mut held) $($wait)*
                    .unwrap();
                assert_eq!(id, 2);
                let gone: Person = diesel::delete(people::table.find(1))
                    .get_result(&mut held) $($wait)*
                    .unwrap();
                assert_eq!(gone, person(1, "a"));
            });
            assert_eq!(told, ["INSERT 1", "INSERT 2", "UPDATE 2", "DELETE 1"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn upserts() {
            let told = proved!(Server::Sqlite, $connection, "", |held| {
                for name in ["a", "b"] {
                    diesel::insert_into(people::table)
                        .values(person(1, name))
                        .on_conflict(people::id)
                        .do_update()
                        .set(people::name.eq(excluded(people::name)))
                        .execute(&mut held) $($wait)*
                        .unwrap();
                }
                diesel::insert_into(people::table)
                    .values(person(1, "c"))
                    .on_conflict_do_nothing()
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::insert_or_ignore_into(people::table)
                    .values(person(1, "d"))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::replace_into(people::table)
                    .values(person(1, "e"))
                    .execute(&mut held) $($wait)*
                    .unwrap();
            });
            assert_eq!(told, ["INSERT 1", "UPDATE 1", "DELETE 1", "INSERT 1"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn types_of_diesel() {
            let more = "CREATE TABLE things (id INTEGER PRIMARY KEY, data TEXT NOT NULL, \
                 weight DOUBLE NOT NULL, bytes BLOB NOT NULL, at TIMESTAMP NOT NULL, done BOOLEAN NOT NULL)";
            let told = proved!(Server::Sqlite, $connection, more, |held| {
                let at = chrono::DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap();
                diesel::insert_into(things::table)
                    .values((
                        things::data.eq(serde_json::json!({"a": [1, 2.5, "x"]})),
                        things::weight.eq(0.1 + 0.2),
                        things::bytes.eq(vec![0_u8, 255]),
                        things::at.eq(at.naive_utc()),
                        things::done.eq(true),
                    ))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::update(things::table)
                    .set((things::weight.eq(f64::MAX), things::done.eq(false)))
                    .execute(&mut held) $($wait)*
                    .unwrap();
            });
            assert_eq!(told, ["INSERT 1", "UPDATE 1"]);
        }
    };
}
