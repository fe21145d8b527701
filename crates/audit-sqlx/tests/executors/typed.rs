//! The ways in which sqlx runs a statement: the macros, the builders, streams, prepared statements and
//! what is generic over the executor.

/// Expands to the tests of one database, with its placeholders.
macro_rules! typed {
    ($server:ident, $database:ty, [$first:literal, $second:literal]) => {
        mod typed {
            use audit_testkit::{Server, World, alice};
            use futures_util::TryStreamExt;
            use sqlx::encode::IsNull;
            use sqlx::error::BoxDynError;
            use sqlx::{
                AssertSqlSafe, Database, Encode, Executor, QueryBuilder, Row, SqlSafeStr,
                Statement, Type,
            };

            use crate::adapter::Executors;
            use crate::context::{actors, insert};

            #[derive(Debug, PartialEq, sqlx::FromRow)]
            struct User {
                id: i64,
                name: String,
            }

            const NAMES: &str = "SELECT name FROM users ORDER BY id";
            const RENAME: &str =
                concat!("UPDATE users SET name = ", $first, " WHERE id = ", $second);

            async fn rename<'e, E>(executor: E, id: i64, name: &str)
            where
                E: Executor<'e, Database = $database>,
            {
                let query = sqlx::query(RENAME).bind(name).bind(id);
                let done = query.execute(executor).await.unwrap();
                assert_eq!(done.rows_affected(), 1);
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn every_way_to_run_a_statement_is_audited() {
                let world = World::<Executors<$database>>::new(Server::$server).await;
                let events = world
                    .prove(async |adapter| alice().scope(all_ways(&adapter.pool)).await)
                    .await;
                let expected = ["1", "2", "3", "1", "1", "2", "3", "3", "2", "2", "3"];
                let expected = expected.map(|id| (id, "alice"));
                assert_eq!(actors(&events), expected);
            }

            async fn all_ways(pool: &audit_sqlx::AuditedPool<$database>) {
                pool.execute(AssertSqlSafe(insert(1))).await.unwrap();
                let mut builder = QueryBuilder::<$database>::new("INSERT INTO users (id, name) ");
                builder.push_values([2_i64, 3], |mut row, id| {
                    row.push_bind(id).push_bind("y");
                });
                let done = builder.build().execute(pool).await.unwrap();
                assert_eq!(done.rows_affected(), 2);

                rename(pool, 1, "a").await;
                let mut connection = pool.acquire().await.unwrap();
                rename(&mut connection, 1, "b").await;
                let mut transaction = connection.begin().await.unwrap();
                rename(&mut *transaction, 2, "c").await;
                let select = concat!("SELECT id, name FROM users WHERE id = ", $first);
                let user: User = sqlx::query_as(select)
                    .bind(2_i64)
                    .fetch_one(&mut *transaction)
                    .await
                    .unwrap();
                assert_eq!((user.id, user.name.as_str()), (2, "c"));
                transaction.commit().await.unwrap();

                let prepared = connection.prepare(RENAME.into_sql_str()).await.unwrap();
                let done = prepared.query().bind("d").bind(3_i64).execute(pool).await;
                assert_eq!(done.unwrap().rows_affected(), 1);
                let query = prepared.query().bind("e").bind(3_i64).persistent(false);
                assert_eq!(
                    query
                        .execute(&mut connection)
                        .await
                        .unwrap()
                        .rows_affected(),
                    1
                );

                let names: Vec<String> = sqlx::query_scalar(NAMES)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                assert_eq!(names, ["b", "c", "e"]);
                let missing = sqlx::query(select).bind(9_i64).fetch_optional(pool).await;
                assert!(missing.unwrap().is_none());

                let mut rows = sqlx::query(NAMES).fetch(&mut connection);
                let row = rows.try_next().await.unwrap().unwrap();
                assert_eq!(row.get::<String, _>(0), "b");
                drop(rows);
                let rows = sqlx::query(NAMES).fetch(pool);
                let rows: Vec<_> = rows.try_collect().await.unwrap();
                assert_eq!(rows.len(), 3);
                rename(&mut connection, 2, "f").await;

                let several =
                    "UPDATE users SET name = 'g' WHERE id = 2; DELETE FROM users WHERE id = 3";
                sqlx::raw_sql(several)
                    .execute(&mut connection)
                    .await
                    .unwrap();
            }

            /// A value that cannot be bound.
            struct Unbound;

            impl Type<$database> for Unbound {
                fn type_info() -> <$database as Database>::TypeInfo {
                    <str as Type<$database>>::type_info()
                }
            }

            impl<'q> Encode<'q, $database> for Unbound {
                fn encode_by_ref(
                    &self,
                    _: &mut <$database as Database>::ArgumentBuffer,
                ) -> Result<IsNull, BoxDynError> {
                    Err("no such value".into())
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_value_that_cannot_be_bound_is_the_error_of_sqlx() {
                let world = World::<Executors<$database>>::new(Server::$server).await;
                let pool = &world.adapter.pool;
                let mut connection = pool.acquire().await.unwrap();
                let query = || sqlx::query(RENAME).bind(Unbound).bind(1_i64);
                let errors = [
                    query().execute(pool).await.map(drop).unwrap_err(),
                    query()
                        .execute(&mut connection)
                        .await
                        .map(drop)
                        .unwrap_err(),
                    query()
                        .fetch_one(&mut connection)
                        .await
                        .map(drop)
                        .unwrap_err(),
                ];
                for error in errors {
                    assert!(matches!(error, sqlx::Error::Encode(_)), "{error:?}");
                }
            }
        }
    };
}
