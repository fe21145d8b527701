//! What is written in the same words on every database.

/// Proves the events of some work of Carla's on a connection of the pool, and gives them in words.
/// The world holds the tables of `tables.rs` and more.
macro_rules! proved {
    ($server:expr, $connection:ty, $more:expr, |$held:ident| $work:expr) => {{
        let tables = format!("{} {}", crate::dsl::tables::TABLES, $more);
        let world = audit_testkit::World::<
            crate::adapter::Pooled<crate::adapter::PoolOf<$connection>>,
        >::with($server, &tables, |audit| audit)
        .await;
        let events = world
            .prove(async |adapter| {
                let work = adapter.run(|pool| {
                    let mut $held = pool.get().unwrap();
                    $work
                });
                crate::dsl::tables::carla().scope(work).await;
            })
            .await;
        crate::dsl::tables::told(&events)
    }};
}

/// Expands to the tests of one database.
macro_rules! writes {
    ($server:expr, $connection:ty) => {
        use diesel::connection::SimpleConnection as _;
        use diesel::prelude::*;

        use crate::dsl::tables::{Part, Person, archive, part, parts, people, person};

        #[tokio::test(flavor = "multi_thread")]
        async fn single_rows() {
            let told = proved!($server, $connection, "", |held| {
                diesel::insert_into(people::table)
                    .values((people::id.eq(1), people::name.eq("Ann")))
                    .execute(&mut held)
                    .unwrap();
                diesel::update(people::table.find(1))
                    .set((people::name.eq("Anna"), people::age.eq(Some(40))))
                    .execute(&mut held)
                    .unwrap();
                diesel::update(people::table.find(1))
                    .set(people::age.eq(people::age + 1))
                    .execute(&mut held)
                    .unwrap();
                let changed = Person {
                    age: None,
                    ..person(1, "Ann")
                };
                let saved: Person = changed.save_changes(&mut held).unwrap();
                assert_eq!(saved, changed);
                diesel::delete(people::table.find(1))
                    .execute(&mut held)
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
                let rows = vec![person(1, "a"), person(2, "b"), person(3, "c")];
                let count = diesel::insert_into(people::table)
                    .values(&rows)
                    .execute(&mut held)
                    .unwrap();
                assert_eq!(count, 3);
                people::table
                    .filter(people::id.gt(1))
                    .insert_into(archive::table)
                    .execute(&mut held)
                    .unwrap();
                diesel::update(people::table.filter(people::id.lt(3)))
                    .set(people::age.eq(Some(7)))
                    .execute(&mut held)
                    .unwrap();
                diesel::delete(people::table.filter(people::age.eq(7)))
                    .execute(&mut held)
                    .unwrap();
                let boxed = diesel::delete(archive::table).into_boxed();
                boxed.execute(&mut held).unwrap();
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
                diesel::insert_into(parts::table)
                    .values(vec![part(1), part(2)])
                    .execute(&mut held)
                    .unwrap();
                let changed = Part {
                    quantity: 9,
                    ..part(1)
                };
                let _: Part = changed.save_changes(&mut held).unwrap();
                diesel::update(parts::table.find(("acme", 2)))
                    .set(parts::number.eq(3))
                    .execute(&mut held)
                    .unwrap();
                diesel::delete(&part(3)).execute(&mut held).unwrap();
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
                )
                .unwrap();
                let delete = diesel::sql_query("DELETE FROM people WHERE age = 6");
                assert_eq!(delete.execute(&mut held).unwrap(), 1);
            });
            assert_eq!(told, ["INSERT 1", "UPDATE 1", "INSERT 2", "DELETE 2"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn transactions_in_transactions() {
            let told = proved!($server, $connection, "", |held| {
                let insert = |held: &mut _, id: i32| {
                    diesel::insert_into(people::table)
                        .values(person(id, "x"))
                        .execute(held)
                };
                let done = held.transaction(|held| {
                    insert(held, 1)?;
                    let undone = held.transaction(|held| {
                        insert(held, 2)?;
                        Err::<(), _>(diesel::result::Error::RollbackTransaction)
                    });
                    assert!(undone.is_err());
                    held.transaction(|held| insert(held, 3))
                });
                assert_eq!(done.unwrap(), 1);
                let undone = held.transaction(|held| {
                    insert(held, 4)?;
                    Err::<(), _>(diesel::result::Error::RollbackTransaction)
                });
                assert!(undone.is_err());
            });
            assert_eq!(told, ["INSERT 1", "INSERT 3"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn our_transactions_in_transactions() {
            let told = proved!($server, $connection, "", |held| {
                let audit = audit_core::Audit::builder().build().unwrap();
                let insert = |held: &mut _, id: i32| {
                    diesel::insert_into(people::table)
                        .values(person(id, "x"))
                        .execute(held)
                };
                let done = audit_diesel::transaction(&mut held, &audit, |held| {
                    insert(held, 1)?;
                    let undone = audit_diesel::transaction(held, &audit, |held| {
                        insert(held, 2)?;
                        Err::<(), _>(diesel::result::Error::RollbackTransaction)
                    });
                    assert!(undone.is_err());
                    held.transaction(|held| insert(held, 3))
                });
                assert_eq!(done.unwrap(), 1);
            });
            assert_eq!(told, ["INSERT 1", "INSERT 3"]);
        }
    };
}
