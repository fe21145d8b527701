//! What is written on PostgreSQL alone.

/// The SQL type of an enum.
#[derive(Debug, diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
#[diesel(postgres_type(name = "size"))]
pub struct SizeType;

/// An enum of the database.
#[derive(Debug, Clone, Copy, diesel::expression::AsExpression)]
#[diesel(sql_type = SizeType)]
pub(crate) enum Size {
    Small,
    Large,
}

impl diesel::serialize::ToSql<SizeType, diesel::pg::Pg> for Size {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
    ) -> diesel::serialize::Result {
        let name = match self {
            Self::Small => "small",
            Self::Large => "large",
        };
        std::io::Write::write_all(out, name.as_bytes())?;
        Ok(diesel::serialize::IsNull::No)
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::SizeType;

    things (id) {
        id -> Uuid,
        data -> Jsonb,
        price -> Numeric,
        tags -> Array<Text>,
        bytes -> Binary,
        at -> Timestamptz,
        done -> Bool,
        size -> SizeType,
    }
}

/// Expands to the tests: the server, the type of the connections, and what waits for a call of the library.
macro_rules! postgres {
    ($server:expr, $connection:ty; $($wait:tt)*) => {
        use bigdecimal::BigDecimal;
        use diesel::sql_types::{Integer, Text};
        use diesel::upsert::excluded;
        use uuid::Uuid;

        use crate::dsl::postgres::{Size, things};

        #[tokio::test(flavor = "multi_thread")]
        async fn rows_that_are_returned() {
            let told = proved!($server, $connection, "", |held| {
                let rows: Vec<Person> = diesel::insert_into(people::table)
                    .values(vec![person(1, "a"), person(2, "b")])
                    .returning(Person::as_returning())
                    .get_results(&mut held) $($wait)*
                    .unwrap();
                assert_eq!(rows, [person(1, "a"), person(2, "b")]);
                let id: i32 = diesel::update(people::table.find(2))
                    .set(people::name.eq("c"))
                    .returning(people::id)
                    .get_result(&mut held) $($wait)*
                    .unwrap();
                assert_eq!(id, 2);
                let gone = diesel::delete(people::table.find(1));
                assert_eq!(gone.get_result::<Person>(&mut held) $($wait)*.unwrap(), person(1, "a"));
            });
            assert_eq!(told, ["INSERT 1", "INSERT 2", "UPDATE 2", "DELETE 1"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn upserts() {
            let told = proved!($server, $connection, "", |held| {
                for name in ["a", "b"] {
                    diesel::insert_into(people::table)
                        .values(vec![person(1, name)])
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
                let insert = diesel::sql_query("INSERT INTO people VALUES ($1, $2)");
                let insert = insert.bind::<Integer, _>(2).bind::<Text, _>("d");
                insert.execute(&mut held) $($wait)*.unwrap();
            });
            assert_eq!(told, ["INSERT 1", "UPDATE 1", "INSERT 2"]);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn types_of_diesel() {
            let more = "CREATE TYPE size AS ENUM ('small', 'large'); \
                 CREATE TABLE things (id UUID PRIMARY KEY, data JSONB NOT NULL, \
                 price NUMERIC NOT NULL, tags TEXT[] NOT NULL, bytes BYTEA NOT NULL, \
                 at TIMESTAMPTZ NOT NULL, done BOOLEAN NOT NULL, size size NOT NULL)";
            let told = proved!($server, $connection, more, |held| {
                let at = chrono::DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap();
                diesel::insert_into(things::table)
                    .values((
                        things::id.eq(Uuid::nil()),
                        things::data.eq(serde_json::json!({"a": [1, 2.5, "x"]})),
                        things::price.eq("12345678901234567890.12345".parse::<BigDecimal>().unwrap()),
                        things::tags.eq(vec!["a", "b,c"]),
                        things::bytes.eq(vec![0_u8, 255]),
                        things::at.eq(at),
                        things::done.eq(true),
                        things::size.eq(Size::Small),
                    ))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::update(things::table.find(Uuid::nil()))
                    .set((things::size.eq(Size::Large), things::done.eq(false)))
                    .execute(&mut held) $($wait)*
                    .unwrap();
            });
            let id = "00000000-0000-0000-0000-000000000000";
            assert_eq!(told, [format!("INSERT {id}"), format!("UPDATE {id}")]);
        }
    };
}
