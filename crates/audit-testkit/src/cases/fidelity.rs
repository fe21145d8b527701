//! Values survive to the last bit.

use audit_core::Dialect;
use serde_json::json;

use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::World;

/// Whole numbers of 64 bits, long decimals, doubles that need all their digits.
pub async fn numbers_are_exact<A: Adapter>(server: Server) {
    let (types, values): (&str, &[&str]) = match server.dialect() {
        Dialect::Postgres => (
            "a BIGINT, b DOUBLE PRECISION, c NUMERIC, d REAL",
            &[
                "9223372036854775807, 0.1::float8 + 0.2::float8, 1234567890123456789012345678901234567.890, 0.1",
                "-9223372036854775808, 'NaN', 'NaN', 16777217",
                "0, '-Infinity', 'Infinity', 3.4028235e38",
                "1, 5e-324, 1.10, -0.0",
            ],
        ),
        Dialect::MySql => (
            "a BIGINT, b DOUBLE, c DECIMAL(40,3), d FLOAT, e BIGINT UNSIGNED",
            &[
                "9223372036854775807, 0.30000000000000004, 1234567890123456789012345678901234567.890, 0.1, 18446744073709551615",
                "-9223372036854775808, 1.7976931348623157e308, -0.001, 16777216, 0",
                "0, 5e-324, 1.10, 3.40282e38, 9007199254740993",
            ],
        ),
        _ => (
            "a INTEGER, b REAL, c, d",
            &[
                "9223372036854775807, 0.1 + 0.2, 9e999, 1000.0",
                "-9223372036854775808, 1e308, -9e999, 9007199254740993",
                "0, 5e-324, -0.0, 1",
            ],
        ),
    };
    let table = format!("CREATE TABLE numbers (id BIGINT NOT NULL PRIMARY KEY, {types})");
    let world = World::<A>::with(server, &table, |audit| audit).await;
    for (id, values) in values.iter().enumerate() {
        let insert = format!("INSERT INTO numbers VALUES ({id}, {values})");
        assert_eq!(world.prove_statements(&[&insert]).await.len(), 1);
    }
    // One bit in a double is a change.
    let change = match server.dialect() {
        Dialect::Sqlite => "UPDATE numbers SET b = 0.3 WHERE id = 0",
        _ => "UPDATE numbers SET b = 0.3, a = 1 WHERE id = 0",
    };
    let events = world
        .prove_statements(&[change, "DELETE FROM numbers"])
        .await;
    assert_eq!(events.len(), 1 + values.len());
}

/// Texts of every plane, controls, quotes, and the longest that is not cut.
pub async fn texts_are_exact<A: Adapter>(server: Server) {
    let world = World::<A>::with(
        server,
        "CREATE TABLE texts (id BIGINT NOT NULL PRIMARY KEY, body TEXT)",
        |audit| audit,
    )
    .await;
    let texts = [
        String::new(),
        "null".to_owned(),
        "{\"a\": 1}".to_owned(),
        "\u{1}\t\n\r\u{1f}\u{7f}\u{85}\u{2028}".to_owned(),
        "e\u{301} é 雪 👩‍🚀 \u{10ffff}".to_owned(),
        "\\u0000 \\ \" / '".to_owned(),
        "x".repeat(60_000),
    ];
    for (id, text) in texts.iter().enumerate() {
        let escaped = text.replace('\'', "''");
        let escaped = match server.dialect() {
            Dialect::MySql => escaped.replace('\\', "\\\\"),
            _ => escaped,
        };
        let insert = format!("INSERT INTO texts VALUES ({id}, '{escaped}')");
        let events = world.prove_statements(&[&insert]).await;
        let image = events[0].after_data.as_ref().unwrap().to_object();
        assert_eq!(image["body"], json!(text));
    }
}

/// Bytes that are no text.
pub async fn bytes_are_exact<A: Adapter>(server: Server) {
    let kind = match server.dialect() {
        Dialect::Postgres => "BYTEA",
        _ => "BLOB",
    };
    let table = format!("CREATE TABLE files (id BIGINT NOT NULL PRIMARY KEY, body {kind})");
    let world = World::<A>::with(server, &table, |audit| audit).await;
    for (id, hex) in ["", "00", "00ff80c3a9", "edA080"].iter().enumerate() {
        let value = match server.dialect() {
            Dialect::Postgres => format!("'\\x{hex}'"),
            _ => format!("x'{hex}'"),
        };
        let insert = format!("INSERT INTO files VALUES ({id}, {value})");
        assert_eq!(world.prove_statements(&[&insert]).await.len(), 1);
    }
    assert_eq!(
        world.prove_statements(&["DELETE FROM files"]).await.len(),
        4
    );
}

/// A NULL is in the image as null; a column that is left out is not there.
pub async fn null_is_not_absent<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let events = world
        .prove_statements(&["INSERT INTO users (id, name) VALUES (1, 'x')"])
        .await;
    let image = events[0].after_data.as_ref().unwrap().to_object();
    assert_eq!(image.get("email"), Some(&json!(null)));
    assert_eq!(image.len(), 6);
    let events = world
        .prove_statements(&["UPDATE users SET email = ''"])
        .await;
    assert_eq!(events[0].changed_fields, Some(vec!["email".to_owned()]));
}

/// A cell over its limit is replaced by what says so; the write goes through.
pub async fn a_long_cell_is_cut_and_says_so<A: Adapter>(server: Server) {
    let kind = if server.dialect() == Dialect::MySql {
        "LONGTEXT"
    } else {
        "TEXT"
    };
    let table = format!("CREATE TABLE big (id BIGINT NOT NULL PRIMARY KEY, a {kind}, b {kind})");
    let world = World::<A>::with(server, &table, |audit| audit).await;
    let long = world.by(
        "repeat('x', 1048576)",
        "repeat('x', 1048576)",
        "printf('%.*c', 1048576, 'x')",
    );
    let insert = format!("INSERT INTO big VALUES (1, {long}, 'short')");
    world.adapter.execute(&insert).await.unwrap();
    world
        .adapter
        .execute("UPDATE big SET b = 'other'")
        .await
        .unwrap();
    let events = world.new_events().await;
    assert_eq!(events.len(), 2);
    for event in &events {
        let image = event.after_data.as_ref().unwrap().to_object();
        assert_eq!(image["a"]["$truncated"]["len"], 1_048_576);
        assert!(
            image["a"]["$truncated"]["head"]
                .as_str()
                .unwrap()
                .starts_with("xxxx")
        );
        assert!(event.after_data.as_ref().unwrap().as_str().len() < 1_000);
    }
    assert_eq!(events[1].changed_fields, Some(vec!["b".to_owned()]));
}

/// A key that is longer than an index takes is kept whole.
pub async fn a_long_key_is_kept<A: Adapter>(server: Server) {
    // InnoDB keys end at 3072 bytes, btree entries of PostgreSQL at 2704 bytes that do not
    // compress.
    let (kind, length) = match server.dialect() {
        Dialect::MySql => ("VARCHAR(700)", 700),
        Dialect::Postgres => ("TEXT", 2_500),
        _ => ("TEXT", 10_240),
    };
    let table = format!("CREATE TABLE keyed (k {kind} NOT NULL PRIMARY KEY, v BIGINT)");
    let world = World::<A>::with(server, &table, |audit| audit).await;
    let mut seed = 7_u32;
    let key: String = (0..length)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + u8::try_from((seed >> 24) % 26).unwrap())
        })
        .collect();
    let insert = format!("INSERT INTO keyed VALUES ('{key}', 1)");
    let events = world
        .prove_statements(&[&insert, "UPDATE keyed SET v = 2"])
        .await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].record_id.as_deref(), Some(key.as_str()));
}
