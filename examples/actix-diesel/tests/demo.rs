//! The program as a user runs it, looked at from outside.

#![cfg(test)]

story::test_example! {
    env!("CARGO_BIN_EXE_actix-diesel"),
    #[cfg(feature = "mysql")]
    mariadb: MariaDb,
    postgres15: Postgres15,
    postgres18: Postgres18,
    sqlite: Sqlite,
}
