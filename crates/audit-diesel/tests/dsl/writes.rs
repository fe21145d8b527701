//! What is written in the same words on every database.

/// Expands to the tests of one database: the server, the type of its connections, and what waits
/// for a call of the library.
macro_rules! writes {
    ($server:expr, $connection:ty; $($wait:tt)*) => {
        use crate::dsl::tables::{Part, Person, archive, part, parts, people, person};

        #[tokio::test(flavor = "multi_thread")]
        async fn single_rows() {
            let told = proved!($server, $connection, "", |held| {
                diesel::insert_into(people::table)
                    .values((people::id.eq(1), people::name.eq("Ann")))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::update(people::table.find(1))
                    .set((people::name.eq("Anna"), people::age.eq(Some(40))))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::update(people::table.find(1))
                    .set(people::age.eq(people::age + 1))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                let changed = Person {
                    age: None,
                    ..person(1, "Ann")
                };
                let saved: Person = changed.save_changes(&mut held) $($wait)*.unwrap();
                assert_eq!(saved, changed);
                diesel::delete(people::table.find(1))
                    .execute(&mut held) $($wait)*
                    .unwrap();
            });
            assert_eq!(
                told,
                ["INSERT 1", "UPDATE 1", "UPDATE 1", "UPDATE 1", "DELETE 1"]
            );
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn many_rows_in_one_statement() {
            let told = proved!($server, $connection, "", |held| {
                for row in [person(1, "a"), person(2, "b"), person(3, "c")] {
                    let insert = diesel::insert_into(people::table).values(&row);
                    assert_eq!(insert.execute(&mut held) $($wait)*, Ok(1));
                }
                people::table
                    .filter(people::id.gt(1))
                    .insert_into(archive::table)
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::update(people::table.filter(people::id.lt(3)))
                    .set(people::age.eq(Some(7)))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::delete(people::table.filter(people::age.eq(7)))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                let boxed = diesel::delete(archive::table).into_boxed();
                boxed.execute(&mut held) $($wait)*.unwrap();
            });
            let expected = [
                "INSERT 1", "INSERT 2", "INSERT 3", "INSERT 2", "INSERT 3", "UPDATE 1", "UPDATE 2",
                "DELETE 1", "DELETE 2", "DELETE 2", "DELETE 3",
            ];
            assert_eq!(told, expected);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn keys_of_two_columns() {
            let told = proved!($server, $connection, "", |held| {
                for row in [part(1), part(2)] {
                    diesel::insert_into(parts::table)
                        .values(row)
                        .execute(&mut held) $($wait)*
                        .unwrap();
                }
                let changed = Part {
                    quantity: 9,
                    ..part(1)
                };
                let _: Part = changed.save_changes(&mut held) $($wait)*.unwrap();
                diesel::update(parts::table.find(("acme", 2)))
                    .set(parts::number.eq(3))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::delete(&part(3)).execute(&mut held) $($wait)*.unwrap();
            });
            let expected = [
                r#"INSERT ["acme","1"]"#,
                r#"INSERT ["acme","2"]"#,
                r#"UPDATE ["acme","1"]"#,
                r#"UPDATE ["acme","3"]"#,
                r#"DELETE ["acme","3"]"#,
            ];
            assert_eq!(told, expected);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn texts_of_sql() {
            let told = proved!($server, $connection, "", |held| {
                held.batch_execute(
                    "INSERT INTO people VALUES (1, 'a', NULL); UPDATE people SET age = 5; \
                     INSERT INTO people VALUES (2, 'b', 6)",
                ) $($wait)*
                .unwrap();
                let delete = diesel::sql_query("DELETE FROM people WHERE age = 6");
                assert_eq!(delete.execute(&mut held) $($wait)*.unwrap(), 1);
            });
            assert_eq!(told, ["INSERT 1", "UPDATE 1", "INSERT 2", "DELETE 2"]);
        }

    };
}

/// Expands to the test of an INSERT of several rows, which Diesel writes on SQLite by its own
/// connection alone.
macro_rules! batches {
    ($server:expr, $connection:ty; $($wait:tt)*) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn many_rows_in_one_insert() {
            let told = proved!($server, $connection, "", |held| {
                let rows = vec![person(1, "a"), person(2, "b"), person(3, "c")];
                let insert = diesel::insert_into(people::table).values(&rows);
                assert_eq!(insert.execute(&mut held) $($wait)*, Ok(3));
                diesel::insert_into(parts::table)
                    .values(vec![part(1), part(2)])
                    .execute(&mut held) $($wait)*
                    .unwrap();
            });
            let parts = [r#"INSERT ["acme","1"]"#, r#"INSERT ["acme","2"]"#];
            assert_eq!(told, ["INSERT 1", "INSERT 2", "INSERT 3", parts[0], parts[1]]);
        }
    };
}
