//! Values that the database's own JSON functions would not keep.

use audit_core::{Audit, Redaction, Snapshot, TableRule};
use serde_json::json;

use super::world::{World, after, before};

/// The exact text of a member of an image.
fn exact(event: &audit_core::Event) -> String {
    event.after_data.as_ref().unwrap().as_str().to_owned()
}

#[tokio::test]
async fn every_type_is_exact() {
    let mut world = World::new(
        "CREATE TABLE t (id BIGINT UNSIGNED ZEROFILL PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(40,10) ZEROFILL, \
             u BIGINT UNSIGNED, s BIGINT, b BIT(64), y YEAR, dt DATE, tm TIME(3), e ENUM('a','B\"','') CHARACTER SET latin1, \
             st SET('x','y'), bin BINARY(4), vb VARBINARY(300), cp VARCHAR(20) CHARACTER SET cp1251, \
             lt VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci, g POINT, uu UUID, ip INET6, j JSON, \
             gen INT AS (id * 2) STORED, virt INT AS (id * 3) VIRTUAL, hid INT INVISIBLE DEFAULT 5)",
    )
    .await;
    assert_eq!(world.findings().await, []);
    world
        .run(&[
            "INSERT INTO t VALUES (7, 0.1, 5e-324, '123456789012345678901234567890.1234567890', \
             18446744073709551615, -9223372036854775808, 18446744073709551615, 2024, '2024-02-29', '-838:59:59.000', 'B\"', \
             'x,y', x'00FF', REPEAT('z', 300), 'Привет', 'é', POINT(1, 2), '00112233-4455-6677-8899-aabbccddeeff', \
             '::1', '{\"a\" : [1.0, 1e2], \"a\":2}', DEFAULT, DEFAULT)",
        ])
        .await;
    let events = world.events().await;
    let text = exact(&events[0]);
    for part in [
        r#""id": 7,"#,
        r#""f": 0.10000000149011612,"#,
        r#""d": 5e-324,"#,
        r#""n": 123456789012345678901234567890.1234567890,"#,
        r#""u": 18446744073709551615,"#,
        r#""s": -9223372036854775808,"#,
        r#""b": 18446744073709551615,"#,
        r#""y": 2024,"#,
        r#""dt": "2024-02-29","#,
        r#""tm": "-838:59:59.000","#,
        r#""e": "B\"","#,
        r#""st": "x,y","#,
        r#""bin": {"$bytes": "AP8AAA=="},"#,
        r#""cp": "Привет","#,
        r#""lt": "é","#,
        r#""uu": "00112233-4455-6677-8899-aabbccddeeff","#,
        r#""ip": "::1","#,
        r#""j": {"a" : [1.0, 1e2], "a":2},"#,
        r#""gen": 14, "virt": 21, "hid": 5}"#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains('\n'));
    // NULL is not absent, and zero dates are kept.
    world
        .held(&[
            "SET sql_mode = ''",
            "INSERT INTO t (id, dt, y, e) VALUES (8, '0000-00-00', 0, 'no such')",
        ])
        .await;
    let image = after(&world.events().await[1]);
    assert_eq!(image["dt"], "0000-00-00");
    assert_eq!(image["y"], 0);
    assert_eq!(image["e"], "");
    assert!(image.get("j").unwrap().is_null());
    assert_eq!(world.events().await[1].record_id.as_deref(), Some("8"));
    world.raw.run("ALTER TABLE t DROP COLUMN g").await;
}

#[tokio::test]
async fn extremes_are_exact() {
    let world = World::new(
        "CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(65,30), w DECIMAL(65,0), \
             s TIMESTAMP(6) NULL, dt DATETIME(6), tm TIME(6), b BIT(1), m SET('a','b','c'), v VARCHAR(50), \
             j JSON, t TINYINT, u TINYINT UNSIGNED, fu FLOAT(7,4) UNSIGNED)",
    )
    .await;
    let nines = |count: usize| "9".repeat(count);
    let (n, w) = (format!("-{}.{}", nines(35), nines(30)), nines(65));
    world
        .held(&[
            "SET time_zone = '+05:30'",
            &format!(
                "INSERT INTO t VALUES (1, 3.4028234663852886e38, -1.7976931348623157e308, {n}, {w}, \
                 '2038-01-19 08:44:07.999999', '9999-12-31 23:59:59.999999', '-838:59:59.999999', b'1', \
                 'c,a', CONCAT('a', CHAR(0), 'b', CHAR(31)), '{{\"a\\\\u0000\":7,\"a\\\\u0000\":-0.0}}', -128, 255, 0.0001)"
            ),
            "SET time_zone = '-12:00'",
            "INSERT INTO t (id, f, d, s, dt, tm, m, t) VALUES (2, 1.401298464324817e-45, -0.0, \
             '1969-12-31 12:00:01', '1000-01-01', '00:00:00.000001', '', 127)",
            "INSERT INTO t (id, f, d, s) VALUES (3, 16777217, 2.2250738585072014e-308, '2024-06-30 23:59:59.5')",
        ])
        .await;
    let events = world.events().await;
    let text = exact(&events[0]);
    for part in [
        r#""f": 3.4028234663852886e38,"#,
        r#""d": -1.7976931348623157e308,"#,
        &format!(r#""n": {n},"#),
        &format!(r#""w": {w},"#),
        r#""s": "2038-01-19 03:14:07.999999","#,
        r#""dt": "9999-12-31 23:59:59.999999","#,
        r#""tm": "-838:59:59.999999","#,
        r#""b": 1,"#,
        r#""m": "a,c","#,
        r#""v": "a\u0000b\u001F","#,
        r#""j": {"a\u0000":7,"a\u0000":-0.0},"#,
        r#""t": -128, "u": 255, "fu": 0.0"#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let text = exact(&events[1]);
    for part in [
        r#""f": 1.401298464324817e-45,"#,
        r#""s": "1970-01-01 00:00:01.000000","#,
        r#""dt": "1000-01-01 00:00:00.000000","#,
        r#""tm": "00:00:00.000001","#,
        r#""m": "","#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let text = exact(&events[2]);
    for part in [
        r#""f": 16777216,"#,
        r#""d": 2.2250738585072014e-308,"#,
        r#""s": "2024-07-01 11:59:59.500000","#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[tokio::test]
async fn the_last_bit_of_a_value_is_a_change() {
    let world = World::new(
        "CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, d DOUBLE, b BIT(1), v VARCHAR(50), j JSON); \
         INSERT INTO t VALUES (1, 16777217, 2.2250738585072014e-308, b'1', CONCAT('a', CHAR(0)), '[-0.0]');",
    )
    .await;
    for (sql, changed) in [
        ("UPDATE t SET f = 16777218", "f"),
        ("UPDATE t SET d = 2.225073858507202e-308", "d"),
        ("UPDATE t SET b = b'0'", "b"),
        ("UPDATE t SET j = REPLACE(j, '-0.0', '0.0')", "j"),
        ("UPDATE t SET v = CONCAT('a', CHAR(0), CHAR(0))", "v"),
    ] {
        world.run(&[sql]).await;
        let fields = world
            .events()
            .await
            .pop()
            .and_then(|event| event.changed_fields);
        assert_eq!(fields, Some(vec![changed.to_owned()]), "{sql}");
    }
}

#[tokio::test]
async fn a_document_that_is_none_is_kept_as_a_text() {
    let world = World::new("CREATE TABLE t (id INT PRIMARY KEY, j JSON)").await;
    for (index, text) in [
        "[1.]",
        "[-]",
        "[1e]",
        "[1E+]",
        r#""\x""#,
        r#"{"a":1.}"#,
        // Half of a pair, which the server itself takes for no document.
        r#""\ud800""#,
        "{bad",
        "",
        "nul",
        "[1,]",
    ]
    .into_iter()
    .enumerate()
    {
        let insert = format!("INSERT INTO t VALUES ({index}, X'{}')", hex(text));
        world
            .held(&[
                "SET check_constraint_checks = 0",
                &insert,
                "SET check_constraint_checks = 1",
            ])
            .await;
        assert_eq!(
            after(world.events().await.last().unwrap())["j"],
            json!(text)
        );
    }
    for (index, text) in [
        r#"{"a-":"x.","b":-1.5e+3,"c":[1e5,true,false,null,0.5],"d":"\\ \" \u0041 - 1. 1e \/"}"#,
        "[]",
        " { \"a\" :\t[ 1.0 , 1e2 ] } ",
        "\"-\"",
        "-0.0",
        "[[[[1]]]]",
        "\"\"",
    ]
    .into_iter()
    .enumerate()
    {
        let insert = format!("INSERT INTO t VALUES ({}, X'{}')", index + 100, hex(text));
        world.run(&[&insert]).await;
        let event = world.events().await.pop().unwrap();
        let expected = format!(r#"{{"id": {}, "j": {text}}}"#, index + 100);
        assert_eq!(exact(&event), expected);
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

#[tokio::test]
async fn what_changed_is_told_by_the_bytes() {
    let mut world = World::new(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20) COLLATE utf8mb4_general_ci, \
             l VARCHAR(20) CHARACTER SET latin1, e ENUM('a', 'A') COLLATE utf8mb4_bin, j JSON, b VARBINARY(9)); \
         INSERT INTO t VALUES (1, 'a', 'a', 'a', '[1]', 'a');",
    )
    .await;
    for (sql, changed) in [
        ("UPDATE t SET v = 'A'", Some("v")),
        ("UPDATE t SET v = 'A '", Some("v")),
        ("UPDATE t SET v = 'Á '", Some("v")),
        ("UPDATE t SET v = 'Á '", None),
        ("UPDATE t SET l = 'A'", Some("l")),
        ("UPDATE t SET e = 'A'", Some("e")),
        ("UPDATE t SET j = '[1 ]'", Some("j")),
        ("UPDATE t SET b = x'6100'", Some("b")),
        ("UPDATE t SET b = NULL", Some("b")),
        ("UPDATE t SET b = NULL", None),
        ("UPDATE t SET b = ''", Some("b")),
    ] {
        let said = world.prove(&[sql]).await;
        assert_eq!(said.len(), usize::from(changed.is_some()), "{sql}");
        let fields = world
            .events()
            .await
            .pop()
            .and_then(|event| event.changed_fields);
        assert_eq!(fields, changed.map(|name| vec![name.to_owned()]), "{sql}");
    }
}

#[tokio::test]
async fn keys_are_plain_texts() {
    let world = World::new(
        "CREATE TABLE b (id BINARY(4) PRIMARY KEY); CREATE TABLE s (id VARCHAR(300) CHARACTER SET latin1 PRIMARY KEY); \
         CREATE TABLE ts (id TIMESTAMP(6) PRIMARY KEY); CREATE TABLE c (a VARCHAR(20), b INT, PRIMARY KEY (b, a)); \
         CREATE TABLE n (a INT, t TEXT, g POINT);",
    )
    .await;
    let long = "k".repeat(300);
    world
        .held(&[
            "INSERT INTO b VALUES (x'00FFAB01')",
            &format!("INSERT INTO s VALUES ('{long}')"),
            "SET time_zone = '+05:00'",
            "INSERT INTO ts VALUES ('2024-01-01 05:00:00.5')",
            "INSERT INTO c VALUES ('x\"', 7)",
            "INSERT INTO n VALUES (1, 'x', POINT(1, 1)), (1, 'x', POINT(1, 1)), (1, 'x', POINT(1, 2))",
        ])
        .await;
    let events = world.events().await;
    let ids: Vec<&str> = events
        .iter()
        .filter_map(|event| event.record_id.as_deref())
        .collect();
    assert_eq!(
        ids[..4],
        [
            "\\x00ffab01",
            long.as_str(),
            "2024-01-01 00:00:00.500000",
            r#"["7","x\""]"#
        ]
    );
    assert!(
        ids[4].starts_with("sha256:") && ids[4].len() == 71,
        "{}",
        ids[4]
    );
    assert_eq!(ids[4], ids[5]);
    assert_ne!(ids[4], ids[6]);
}

#[tokio::test]
async fn long_values_are_cut_and_say_so() {
    let audit = Audit::builder()
        .max_cell_bytes(1024)
        .max_image_bytes(4096)
        .build()
        .unwrap();
    let columns: Vec<String> = (0..20).map(|index| format!("c{index} TEXT")).collect();
    let world = World::with(
        &format!(
            "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT, b LONGBLOB, j JSON); \
                  CREATE TABLE wide (id INT PRIMARY KEY, {})",
            columns.join(", ")
        ),
        audit,
    )
    .await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, REPEAT('é', 1000), REPEAT(x'AB', 5000), CONCAT('[\"', REPEAT('j', 5000), '\"]'))",
            // It is short, and its JSON is not.
            "INSERT INTO t VALUES (2, REPEAT(CHAR(1), 500), '', '[]')",
            "INSERT INTO t VALUES (3, REPEAT('x', 1000), REPEAT(x'AB', 700), '[]')",
        ])
        .await;
    let values: Vec<String> = (0..20).map(|_| "REPEAT('w', 900)".to_owned()).collect();
    world
        .run(&[&format!(
            "INSERT INTO wide VALUES (1, {})",
            values.join(", ")
        )])
        .await;
    let events = world.events().await;
    let cut = after(&events[0]);
    assert_eq!(cut["v"]["$truncated"]["len"], 2000);
    assert_eq!(cut["v"]["$truncated"]["head"], "é".repeat(64));
    assert_eq!(cut["b"]["$truncated"]["len"], 5000);
    assert_eq!(
        cut["b"]["$truncated"]["head"],
        format!("\\x{}", "ab".repeat(64))
    );
    assert_eq!(cut["j"]["$truncated"]["len"], 5004);
    assert_eq!(after(&events[1])["v"]["$truncated"]["len"], 500);
    assert_eq!(after(&events[2])["v"], "x".repeat(1000));
    let wide = exact(&events[3]);
    assert!(wide.len() <= 4096, "{}", wide.len());
    assert_eq!(after(&events[3])["c3"]["$truncated"]["len"], 900);
}

#[tokio::test]
async fn hidden_values_are_hidden_and_their_change_is_not() {
    let key = b"0123456789abcdef0123456789abcdef".to_vec();
    let audit = Audit::builder()
        .hash_key(key)
        .table(
            TableRule::new("t")
                .redact("a", Redaction::Drop)
                .redact("b", Redaction::Mask)
                .redact("c", Redaction::Truncate(2))
                .redact("d", Redaction::Hash)
                .snapshot(Snapshot::Changed),
        )
        .build()
        .unwrap();
    let world = World::with(
        "CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b TEXT, c TEXT, d VARCHAR(50) CHARACTER SET latin1, e INT)",
        audit,
    )
    .await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, 'secret', 'secret', 'sécret', 'é', 5)",
            "UPDATE t SET a = 'other', d = 'x'",
            "UPDATE t SET b = NULL, c = 'sé', d = NULL",
        ])
        .await;
    let mut raw = world.database.raw().await;
    // Another program has no key on its connection.
    raw.run("UPDATE t SET d = 'y'").await;
    let events = world.events().await;
    // HMAC-SHA256 of the UTF-8 bytes, by OpenSSL.
    let hash = "hmac-sha256:c367ce834dbc76a260ca07178ddc650caa96ebee622c755daac8a5e63ccb0d9e";
    assert_eq!(
        after(&events[0]),
        json!({"id": 1, "b": "***", "c": "sé…", "d": hash, "e": 5})
    );
    assert_eq!(
        events[1].changed_fields,
        Some(vec!["a".to_owned(), "d".to_owned()])
    );
    assert_eq!(before(&events[1]), json!({"d": hash}));
    assert_eq!(after(&events[2]), json!({"b": null, "c": "sé", "d": null}));
    assert_eq!(after(&events[3]), json!({"d": "***"}));
    let hidden = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    assert_eq!(events[0].redacted_fields, Some(hidden));
    let stored = raw.texts("SELECT CONVERT(action_statement USING utf8mb4) FROM information_schema.triggers WHERE trigger_schema = DATABASE()").await;
    assert!(
        stored
            .iter()
            .flatten()
            .flatten()
            .all(|text| !text.contains("0123456789abcdef"))
    );
}

#[tokio::test]
async fn a_list_that_the_session_would_cut_hides_the_document() {
    let rule = TableRule::new("t").redact_path("j", "$.list[*].secret", Redaction::Mask);
    let audit = Audit::builder().table(rule).build().unwrap();
    let world = World::with("CREATE TABLE t (id INT PRIMARY KEY, j JSON)", audit).await;
    let document = r#"'{"list": [{"secret": "a", "n": 1.50}, {"n": 2}]}'"#;
    world
        .held(&[
            &format!("INSERT INTO t VALUES (1, {document})"),
            "SET SESSION group_concat_max_len = 64",
            &format!("INSERT INTO t VALUES (2, {document})"),
        ])
        .await;
    let events = world.events().await;
    let shown = r#"{"id": 1, "j": {"list":[{"secret":"***","n":1.50},{"n":2}]}}"#;
    assert_eq!(exact(&events[0]), shown);
    assert_eq!(exact(&events[1]), r#"{"id": 2, "j": "***"}"#);
}
