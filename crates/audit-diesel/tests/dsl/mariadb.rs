//! What is written on MariaDB alone.

diesel::table! {
    things (id) {
        id -> Integer,
        data -> Json,
        price -> Numeric,
        bytes -> Binary,
        at -> Datetime,
        done -> Bool,
        size -> Text,
    }
}

/// Expands to the tests: the type of the connections, and what waits for a call of the library.
macro_rules! mariadb {
    ($connection:ty; $($wait:tt)*) => {
        use bigdecimal::BigDecimal;
        use diesel::dsl::DuplicatedKeys;
        use diesel::sql_types::{Integer, Text};

        use crate::dsl::mariadb::things;

        #[tokio::test(flavor = "multi_thread")]
        async fn upserts() {
            let told = proved!(Server::MariaDb, $connection, "", |held| {
                for name in ["a", "b"] {
                    diesel::insert_into(people::table)
                        .values(person(1, name))
                        .on_conflict(DuplicatedKeys)
                        .do_update()
                        .set(people::name.eq(name))
                        .execute(&mut held) $($wait)*
                        .unwrap();
                }
                diesel::insert_or_ignore_into(people::table)
                    .values(person(1, "d"))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::replace_into(people::table)
                    .values(person(1, "e"))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                let insert = diesel::sql_query("INSERT INTO people VALUES (?, ?, NULL)");
                let insert = insert.bind::<Integer, _>(2).bind::<Text, _>("f");
                insert.execute(&mut held) $($wait)*.unwrap();
            });
            let expected = ["INSERT 1", "UPDATE 1", "DELETE 1", "INSERT 1", "INSERT 2"];
            assert_eq!(told, expected);
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn types_of_diesel() {
            let more = "CREATE TABLE things (id INTEGER AUTO_INCREMENT PRIMARY KEY, data JSON NOT NULL, \
                 price DECIMAL(20,4) NOT NULL, bytes VARBINARY(10) NOT NULL, at DATETIME(6) NOT NULL, \
                 done BOOLEAN NOT NULL, size ENUM('small', 'large') NOT NULL)";
            let told = proved!(Server::MariaDb, $connection, more, |held| {
                let at = chrono::DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap();
                diesel::insert_into(things::table)
                    .values((
                        things::data.eq(serde_json::json!({"a": [1, 2.5, "x"]})),
                        things::price.eq("12345678901234.5678".parse::<BigDecimal>().unwrap()),
                        things::bytes.eq(vec![0_u8, 255]),
                        things::at.eq(at.naive_utc()),
                        things::done.eq(true),
                        things::size.eq("small"),
                    ))
                    .execute(&mut held) $($wait)*
                    .unwrap();
                diesel::update(things::table)
                    .set((things::size.eq("large"), things::done.eq(false)))
                    .execute(&mut held) $($wait)*
                    .unwrap();
            });
            assert_eq!(told, ["INSERT 1", "UPDATE 1"]);
        }
    };
}
