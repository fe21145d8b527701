//! Values that only SQLite lets into a table.

use super::*;

const BAG: &str = "CREATE TABLE bag (id INTEGER PRIMARY KEY, v ANY) STRICT";

fn value(event: &Event) -> String {
    let image = event.after_data.as_ref().unwrap().as_str();
    let (_, value) = image.split_once(r#""v":"#).unwrap();
    value.trim_end_matches('}').to_owned()
}

#[tokio::test]
async fn a_text_that_is_no_utf_8_is_kept_as_its_bytes() {
    let (database, pool) = world(BAG, 1).await;
    // A lone surrogate, a byte that begins nothing, a text that is cut, a NUL in the middle.
    for hex in ["eda080", "ff", "61e2", "610062"] {
        let sql = format!("INSERT INTO bag (v) VALUES (CAST(x'{hex}' AS TEXT))");
        let events = prove(&database, &pool, async || {
            pool.execute(AssertSqlSafe(sql.as_str())).await.unwrap();
        })
        .await;
        assert_eq!(events.len(), 1, "{hex}");
    }
    let events = prove(&database, &pool, async || {
        pool.execute("UPDATE bag SET v = CAST(v AS BLOB)")
            .await
            .unwrap();
        pool.execute("DELETE FROM bag").await.unwrap();
    })
    .await;
    // The same bytes as a BLOB are another value.
    assert_eq!(events.len(), 4 + 4);
}

#[tokio::test]
async fn a_json_text_is_kept_letter_by_letter() {
    let (database, pool) = world(BAG, 1).await;
    for text in [
        r#"{"a":1,"a":2, "b" : "\u0000", "c":1.0, "d":12345678901234567890123}"#,
        r#"["\ud800", 1e400, -0.0]"#,
    ] {
        let events = prove(&database, &pool, async || {
            let insert = sqlx::query("INSERT INTO bag (v) VALUES (?1)").bind(text);
            insert.execute(&pool).await.unwrap();
        })
        .await;
        let image = events[0].after_data.as_ref().unwrap().to_value();
        assert_eq!(image["v"], text);
    }
    let events = prove(&database, &pool, async || {
        let binary = "INSERT INTO bag (v) VALUES (jsonb('{\"a\":1,\"a\":2}'))";
        pool.execute(binary).await.unwrap();
    })
    .await;
    assert!(value(&events[0]).contains("$bytes"), "{events:?}");
}

#[tokio::test]
async fn doubles_are_kept_to_the_last_bit() {
    let (_database, pool) = world(BAG, 1).await;
    let mut bits: Vec<u64> = [
        0.1 + 0.2,
        1e308,
        5e-324,
        1000.0,
        f64::INFINITY,
        2f64.powi(53),
    ]
    .map(f64::to_bits)
    .into();
    // The steps of a generator of full period (Knuth, TAOCP 3.3.4): bit patterns of every kind.
    let mut state = 1_u64;
    while bits.len() < 500 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        if !f64::from_bits(state).is_nan() {
            bits.push(state);
        }
    }
    for bits in &bits {
        let insert = sqlx::query("INSERT INTO bag (v) VALUES (?1)");
        let insert = insert.bind(f64::from_bits(*bits));
        insert.execute(&pool).await.unwrap();
    }
    // What was bound is the measure: SQLite itself prints some of them a bit beside.
    let events = events(&pool).await;
    assert_eq!(events.len(), bits.len());
    for (event, bits) in events.iter().zip(bits) {
        let text = value(event);
        let read: f64 = text.trim_matches('"').parse().unwrap();
        assert_eq!(read.to_bits(), bits, "{text}");
    }
}
