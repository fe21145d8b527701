//! Values of every kind: exact in the images, and never the reason why a write fails.

use audit_core::{Audit, Redaction, Snapshot, TableRule};
use audit_testkit::Server;
use serde_json::Value;

use crate::world::{World, after, before};

const TYPES: &str = r#"
    CREATE TYPE mood AS ENUM ('sad', 'ha"ppy');
    CREATE TYPE point3 AS (x int, y numeric, "z z" text);
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TYPE floats AS RANGE (subtype = float8);
    CREATE TABLE t (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        n numeric, f8 float8, f4 float4, i2 smallint, b bytea, bit bit(3), vb varbit, c char(5),
        ts timestamp, tz timestamptz, d date, tm time, ttz timetz, iv interval,
        j json, jb jsonb, x xml, u uuid, ip inet, mac macaddr, cash money, tsv tsvector,
        pt point, m mood, p point3, dom positive, r int4range, mr int4multirange, fr floats,
        ai int[], at text[], aa int[][], am mood[], ap point3[], nul text,
        gen numeric GENERATED ALWAYS AS (n * 2) STORED
    );"#;

const INSERT: &str = r#"INSERT INTO t (n, f8, f4, i2, b, bit, vb, c, ts, tz, d, tm, ttz, iv, j, jb, x,
    u, ip, mac, cash, tsv, pt, m, p, dom, r, mr, fr, ai, at, aa, am, ap) VALUES (
    1234567890123456789012345678901234567890.1234567890, 'NaN', '-Infinity', -32768, '\x00ff5c',
    '101', '1', 'ab', 'infinity', '-infinity', '0044-03-15 BC', '24:00', '01:02:03.4+05:30',
    '1 year -2 days', '{"a":1.0,"a":1e400,  "n":"\u0000\ud800"}', '{"b": 1.0, "a": "x"}',
    '<a b="c">&lt;</a>', '00000000-0000-0000-0000-000000000001', '10.0.0.1/8', '08:00:2b:01:02:03',
    (-1.5)::numeric::money, 'a:1 b', '(1,2.5)', 'ha"ppy', ROW(1, 2.50, E'q"\n'), 7, '[1,5)',
    '{[1,2],[5,6]}', '[0.1,Infinity)', '{1,NULL}', '{"a,b",NULL,""}', '{{1,2},{3,4}}',
    '{sad}', ARRAY[ROW(1, NULL, 'z')::point3])"#;

const IMAGE: &str = r#"{"id":1,"n":1234567890123456789012345678901234567890.1234567890,"f8":"NaN","f4":"-Infinity","i2":-32768,"b":"\\x00ff5c","bit":"101","vb":"1","c":"ab   ","ts":"infinity","tz":"-infinity","d":"0044-03-15 BC","tm":"24:00:00","ttz":"01:02:03.4+05:30","iv":"P1Y-2D","j":{"a":1.0,"a":1e400,  "n":"\u0000\ud800"},"jb":{"a": "x", "b": 1.0},"x":"<a b=\"c\">&lt;</a>","u":"00000000-0000-0000-0000-000000000001","ip":"10.0.0.1/8","mac":"08:00:2b:01:02:03","cash":"-$1.50","tsv":"'a':1 'b'","pt":"(1,2.5)","m":"ha\"ppy","p":{"x":1,"y":2.50,"z z":"q\"\n"},"dom":7,"r":"[1,5)","mr":"{[1,3),[5,7)}","fr":"[0.1,Infinity)","ai":[1,null],"at":["a,b",null,""],"aa":[[1,2],[3,4]],"am":["sad"],"ap":[{"x":1,"y":null,"z z":"z"}],"nul":null,"gen":2469135780246913578024691357802469135780.2469135780}"#;

pub(crate) async fn every_type_is_exact(server: Server) {
    let world = World::new(server, TYPES).await;
    world
        .run(&[
            INSERT,
            "UPDATE t SET i2 = 1",
            "UPDATE t SET i2 = 1",
            "DELETE FROM t",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(events.len(), 3);
    assert_eq!(after(&events[0]), IMAGE);
    assert_eq!(before(&events[1]), IMAGE);
    assert_eq!(events[1].changed_fields.clone().unwrap(), ["i2"]);
    assert_eq!(before(&events[2]), IMAGE.replace("-32768", "1"));
    world.remove().await;
}

pub(crate) async fn an_altered_table_is_written_the_same(server: Server) {
    let world = World::new(server, TYPES).await;
    world
        .run(&[
            "ALTER TABLE t ADD late int; ALTER TABLE t RENAME i2 TO small",
            &INSERT.replace("i2", "small"),
        ])
        .await;
    world
        .run(&["UPDATE t SET small = 1, late = 2", "DELETE FROM t"])
        .await;
    let events = world.events().await;
    let renamed = IMAGE.replace("\"i2\"", "\"small\"");
    let image = |late: &str| format!("{},\"late\":{late}}}", renamed.trim_end_matches('}'));
    assert_eq!(after(&events[0]), image("null"));
    assert_eq!(before(&events[1]), image("null"));
    assert_eq!(events[1].changed_fields.clone().unwrap(), ["small", "late"]);
    assert_eq!(before(&events[2]), image("2").replace("-32768", "1"));
    world.remove().await;
}

pub(crate) async fn a_change_of_any_type_is_seen_by_its_bytes(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, n numeric, f float8, j json, jb jsonb, t text, ts timestamptz,
             c char(3), p point, x xml, a numeric[])",
    )
    .await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, 1.0, 0, '{\"a\":1}', '{\"a\":1}', 'e\u{301}', '2026-01-01', \
                'a', '(1,2)', '<a/>', '{1.0}')",
        ])
        .await;
    // None of these is a change to a comparison by value, and each is to the bytes.
    for (sql, column) in [
        ("n = 1.00", "n"),
        ("f = '-0'", "f"),
        ("j = '{\"a\": 1}'", "j"),
        ("t = 'é'", "t"),
        ("x = '<a></a>'", "x"),
        ("a = '{1.00}'", "a"),
        ("p = '(1,2.0000000000000004)'", "p"),
    ] {
        world
            .run(&[
                &format!("UPDATE t SET {sql}"),
                &format!("UPDATE t SET {sql}"),
            ])
            .await;
        let event = world.events().await.pop().unwrap();
        assert_eq!(event.changed_fields.unwrap(), [column], "{sql}");
    }
    assert_eq!(world.events().await.len(), 8);
    // The same bytes in another guise.
    world
        .run(&["UPDATE t SET jb = '{\"a\" : 1}', c = 'a  ', ts = '2026-01-01 01:00+01', n = 1.00"])
        .await;
    assert_eq!(world.events().await.len(), 8);
    world.remove().await;
}

pub(crate) async fn long_keys_are_kept_and_found(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (k text, v int); CREATE UNIQUE INDEX ON t (md5(k));
         CREATE TABLE z (k text PRIMARY KEY, v int);
         CREATE TABLE w (a text, b bytea, PRIMARY KEY (a, b));",
    )
    .await;
    // No index of the application could hold such a key either: the log's must not be the reason.
    let key = "ключ".repeat(1280);
    let row = format!("INSERT INTO t VALUES ('{key}', 1)");
    world
        .run(&[&row, "UPDATE t SET v = 2", "DELETE FROM t"])
        .await;
    assert_eq!(world.events().await.len(), 3);
    let mut connection = world.pool.acquire().await.unwrap();
    let event = audit_core::Event::custom("x").record("t", key.clone());
    audit_sqlx::record(&mut *connection, event).await.unwrap();
    drop(connection);
    let found = audit_sqlx::log(&world.pool)
        .table("t")
        .record(key.clone())
        .list()
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].record_id.as_deref(), Some(key.as_str()));
    world
        .run(&["INSERT INTO w VALUES ('a\"b', '\\x00'), ('', '')"])
        .await;
    let events = world.events().await;
    assert_eq!(events[4].record_id.as_deref(), Some(r#"["a\"b","\\x00"]"#));
    assert_eq!(events[5].record_id.as_deref(), Some(r#"["","\\x"]"#));
    // A key of 10 KiB that the application's index holds, because it compresses.
    let key = "ключ".repeat(1280);
    world
        .run(&[
            &format!("INSERT INTO z VALUES ('{key}', 1)"),
            "UPDATE z SET v = 2",
            "UPDATE z SET k = 'b' || k",
            "DELETE FROM z",
        ])
        .await;
    let log = audit_sqlx::log(&world.pool).table("z").record(&key);
    let found = log.oldest_first().list().await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[1].record_id.as_deref(), Some(key.as_str()));
    assert_eq!(found[2].previous_record_id.as_deref(), Some(key.as_str()));
    world.remove().await;
}

fn json(image: &str) -> Value {
    serde_json::from_str(image).unwrap_or_else(|error| panic!("{error}: {image}"))
}

pub(crate) async fn giant_cells_are_cut_and_the_rest_stays(server: Server) {
    let world = World::new(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, a text, j json, b bytea, c text);
         CREATE TABLE r (LIKE t INCLUDING ALL) PARTITION BY RANGE (id);
         CREATE TABLE leaf PARTITION OF r DEFAULT;",
    )
    .await;
    for table in ["t", "r"] {
        let insert = format!(
            "INSERT INTO {table} VALUES (1, repeat('é', 524288), \
             '{{\"n\":\"\\u0000 \\\\u0041 \\ud800\", \"s\":\"\\\"\"}}', \
             decode(repeat('ab', 65536), 'hex'), E'short \\\\ \\n \\x01 \"')"
        );
        world
            .run(&[
                &insert,
                &format!("UPDATE {table} SET c = 'x'"),
                &format!("DELETE FROM {table}"),
            ])
            .await;
    }
    let events = world.events().await;
    assert_eq!(events.len(), 6);
    for event in &events {
        let image = event
            .after_data
            .as_ref()
            .or(event.before_data.as_ref())
            .unwrap();
        assert!(image.as_str().len() < 1000, "{}", image.as_str());
        assert!(
            image
                .as_str()
                .contains(r#""j":{"n":"\u0000 \\u0041 \ud800", "s":"\""}"#),
            "{}",
            image.as_str()
        );
        let image = json(&image.as_str().replace(r"\ud800", ""));
        assert_eq!(image["id"], 1);
        assert_eq!(image["a"]["$truncated"]["len"], 1_048_576);
        assert_eq!(image["a"]["$truncated"]["head"], "é".repeat(32));
        assert_eq!(image["b"]["$truncated"]["len"], 131_074);
        let c = image["c"].as_str().unwrap();
        assert!(c == "x" || c == "short \\ \n \u{1} \"", "{c}");
    }
    assert_eq!(events[1].changed_fields.clone().unwrap(), ["c"]);
    world.remove().await;
}

pub(crate) async fn an_image_that_is_too_long_loses_its_longest_cells(server: Server) {
    let audit = Audit::builder()
        .max_cell_bytes(1000)
        .max_image_bytes(1500)
        .build()
        .unwrap();
    let world = World::with(
        server,
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text, c text, d json)",
        audit,
    )
    .await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, repeat('a', 900), repeat('b', 800), repeat('c', 50), '[1]')",
        ])
        .await;
    let event = world.events().await.pop().unwrap();
    let image = json(after(&event));
    assert!(after(&event).len() <= 1500);
    assert_eq!(image["a"]["$truncated"]["len"], 900);
    assert_eq!(image["c"], "c".repeat(50));
    assert_eq!(image["d"][0], 1);
    world.remove().await;
}

pub(crate) async fn rules_hold_for_every_kind_of_trigger(server: Server) {
    let table = "CREATE TABLE @ (id int PRIMARY KEY, gone text, masked numeric, cut text, same int, noted int)";
    let parts = "CREATE TABLE rows (id int PRIMARY KEY, gone text, masked numeric, cut text, same int, noted int) \
                 PARTITION BY RANGE (id); CREATE TABLE leaf PARTITION OF rows DEFAULT;";
    let rule = |name: &str| {
        TableRule::new(name)
            .redact("gone", Redaction::Drop)
            .redact("masked", Redaction::Mask)
            .redact("cut", Redaction::Truncate(3))
            .ignore(["noted"])
    };
    let audit = Audit::builder()
        .table(rule("plain"))
        .table(rule("rows"))
        .table(rule("changes").snapshot(Snapshot::Changed))
        .build()
        .unwrap();
    let tables = format!(
        "{}; {}; {parts}",
        table.replace('@', "plain"),
        table.replace('@', "changes")
    );
    let world = World::with(server, &tables, audit).await;
    for name in ["plain", "rows", "changes"] {
        world
            .run(&[
                &format!("INSERT INTO {name} VALUES (1, 'secret', 5, 'héllo', 7, 1)"),
                &format!("UPDATE {name} SET noted = 2"),
                &format!("UPDATE {name} SET gone = 'other', masked = 6, cut = 'hé', noted = 3"),
                &format!("UPDATE {name} SET masked = NULL"),
                &format!("DELETE FROM {name}"),
            ])
            .await;
        let log = audit_sqlx::log(&world.pool).table(name).oldest_first();
        let events = log.list().await.unwrap();
        assert_eq!(events.len(), 4, "{name}");
        let inserted = r#"{"id":1,"masked":"***","cut":"hél…","same":7,"noted":1}"#;
        assert_eq!(after(&events[0]), inserted);
        assert_eq!(
            events[0].redacted_fields.clone().unwrap(),
            ["gone", "masked", "cut"]
        );
        let mut changed = events[1].changed_fields.clone().unwrap();
        changed.sort();
        assert_eq!(changed, ["cut", "gone", "masked", "noted"]);
        let images = [before(&events[1]), after(&events[1]), after(&events[2])];
        if name == "changes" {
            assert_eq!(
                images,
                [
                    r#"{"masked":"***","cut":"hél…","noted":2}"#,
                    r#"{"masked":"***","cut":"hé","noted":3}"#,
                    r#"{"masked":null}"#
                ]
            );
        } else {
            assert_eq!(
                images,
                [
                    r#"{"id":1,"masked":"***","cut":"hél…","same":7,"noted":2}"#,
                    r#"{"id":1,"masked":"***","cut":"hé","same":7,"noted":3}"#,
                    r#"{"id":1,"masked":null,"cut":"hé","same":7,"noted":3}"#
                ]
            );
        }
        let text = events
            .iter()
            .map(|event| format!("{event:?}"))
            .collect::<String>();
        assert!(!text.contains("secret") && !text.contains("other"));
    }
    world.remove().await;
}

/// The server has no value of a column that it computes on reading, so it is in no image.
pub(crate) async fn generated_columns_are_in_the_images_when_they_are_stored(server: Server) {
    let (kind, g) = match server {
        Server::Postgres18 => ("VIRTUAL", ["", ""]),
        _ => ("STORED", [r#","g":8"#, r#","g":10"#]),
    };
    let world = World::new(
        server,
        &format!(
            "CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) {kind})"
        ),
    )
    .await;
    world
        .run(&[
            "INSERT INTO t VALUES (1, 4)",
            "UPDATE t SET v = 5",
            "DELETE FROM t",
        ])
        .await;
    let events = world.events().await;
    let image = |v: i32, g: &str| format!(r#"{{"id":1,"v":{v}{g}}}"#);
    assert_eq!(after(&events[0]), image(4, g[0]));
    assert_eq!(after(&events[1]), image(5, g[1]));
    assert_eq!(before(&events[2]), image(5, g[1]));
    world
        .run(&[
            "ALTER TABLE t ADD late int",
            "INSERT INTO t (id, v) VALUES (1, 4)",
            "UPDATE t SET v = 5",
        ])
        .await;
    let event = world.events().await.pop().unwrap();
    let late = image(5, g[1]).replace('}', r#","late":null}"#);
    assert_eq!(after(&event), late);
    world.remove().await;
}

const NESTED: &str = r#"
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE DOMAIN amount AS numeric(10, 2) CHECK (VALUE <> 0);
    CREATE DOMAIN words AS text[] CHECK (cardinality(VALUE) < 5);
    CREATE TYPE inside AS (a amount, w words, r tstzrange);
    CREATE TYPE outside AS (i inside, list inside[], ms mood[]);
    CREATE DOMAIN wrapped AS outside CHECK ((VALUE).ms IS NOT NULL);
    CREATE TYPE moods AS RANGE (subtype = mood);
    CREATE TABLE t (
        id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
        o outside, w wrapped, os outside[], md moods,
        ends tstzrange, times timestamptz[], d date, n numeric[], zero float4, dr datemultirange,
        o1 oid, lsn pg_lsn, c1 "char", nm name, m8 macaddr8, bx box, ci circle, po polygon,
        pa path, ls lseg, ln line, cd cidr, tq tsquery, jp jsonpath, rc regclass, rt regtype,
        low int[], at4 numeric(5, 2)[], bits bit(2)[], ivs interval[], lr int8range, x8 xid8
    );"#;

const NESTED_ROW: &str = r#"INSERT INTO t VALUES (7,
    ROW(ROW(1.5, '{a,NULL}', '[2026-01-01 00:00+02,)'), ARRAY[ROW(2, NULL, NULL)::inside], '{sad}'),
    ROW(ROW(-1, '{}', 'empty'), NULL, '{}')::outside, ARRAY[NULL, ROW(NULL, NULL, NULL)::outside],
    '[sad,ok)', '[-infinity,infinity)', '{infinity,-infinity,2026-01-01 00:00+05:45}', 'infinity',
    '{NaN,Infinity,-Infinity,0.00}', '-0', '{[2026-01-01,2026-02-01)}', 4294967295,
    '16/B374D848', 'x', 'name', '08:00:2b:01:02:03:04:05', '((0,0),(1,1))', '<(1,2),3>',
    '((0,0),(1,1),(1,0))', '[(0,0),(1,1)]', '[(0,0),(1,1)]', '{1,-1,0}', '10.1.0.0/16',
    'a & !b', '$.a[*] ? (@ > 1)', 'audit.audit_logs', 'mood', '[0:1]={5,6}', '{1,2.5}',
    '{10,01}', '{1 mon 2 days -00:00:00.5}', '[9223372036854775806,)', '18446744073709551615')"#;

const NESTED_IMAGE: &str = r#"{"id":7,"o":{"i":{"a":1.50,"w":["a",null],"r":"[\"2025-12-31 22:00:00+00\",)"},"list":[{"a":2.00,"w":null,"r":null}],"ms":["sad"]},"w":{"i":{"a":-1.00,"w":[],"r":"empty"},"list":null,"ms":[]},"os":[null,{"i":null,"list":null,"ms":null}],"md":"[sad,ok)","ends":"[-infinity,infinity)","times":["infinity","-infinity","2025-12-31T18:15:00+00:00"],"d":"infinity","n":["NaN","Infinity","-Infinity",0.00],"zero":-0,"dr":"{[2026-01-01,2026-02-01)}","o1":"4294967295","lsn":"16/B374D848","c1":"x","nm":"name","m8":"08:00:2b:01:02:03:04:05","bx":"(1,1),(0,0)","ci":"<(1,2),3>","po":"((0,0),(1,1),(1,0))","pa":"[(0,0),(1,1)]","ls":"[(0,0),(1,1)]","ln":"{1,-1,0}","cd":"10.1.0.0/16","tq":"'a' & !'b'","jp":"$.\"a\"[*]?(@ > 1)","rc":"audit.audit_logs","rt":"public.mood","low":[5,6],"at4":[1.00,2.50],"bits":["10","01"],"ivs":["P1M2DT-0.5S"],"lr":"[9223372036854775806,)","x8":"18446744073709551615"}"#;

/// Types in types, and the values at the ends of their ranges.
pub(crate) async fn types_within_types_are_exact(server: Server) {
    let world = World::new(server, NESTED).await;
    world
        .run(&[
            NESTED_ROW,
            "UPDATE t SET os = '{}'",
            "UPDATE t SET id = 8",
            "DELETE FROM t",
        ])
        .await;
    let events = world.events().await;
    assert_eq!(after(&events[0]), NESTED_IMAGE);
    assert_eq!(before(&events[1]), NESTED_IMAGE);
    assert_eq!(events[1].changed_fields.clone().unwrap(), ["os"]);
    let moved = NESTED_IMAGE.replace(r#""id":7"#, r#""id":8"#);
    assert_eq!(events[2].previous_record_id.as_deref(), Some("7"));
    let of_moved = serde_json::from_str::<Value>(&moved).unwrap();
    let mut of_gone = serde_json::from_str::<Value>(before(&events[3])).unwrap();
    assert_eq!(of_gone["os"], Value::Array(Vec::new()));
    of_gone["os"] = of_moved["os"].clone();
    assert_eq!(of_gone, of_moved);
    world.remove().await;
}

/// A single key is the text of its value as the server writes it, several are a list of them.
pub(crate) async fn keys_of_any_type_are_texts(server: Server) {
    for (kind, value, text) in [
        ("bigint", "-9223372036854775808", "-9223372036854775808"),
        ("numeric", "1.50", "1.50"),
        ("float8", "0.1::float8 + 0.2", "0.30000000000000004"),
        ("timestamptz", "'-infinity'", "-infinity"),
        (
            "timestamptz",
            "'2026-01-01 00:00+05:45'",
            "2025-12-31 18:15:00+00",
        ),
        ("date", "'0044-03-15 BC'", "0044-03-15 BC"),
        (
            "uuid",
            "'00000000-0000-0000-0000-00000000000A'",
            "00000000-0000-0000-0000-00000000000a",
        ),
        ("bytea", "'\\x00ff'", "\\x00ff"),
        ("bool", "true", "true"),
        ("mood", "'o''k'", "o'k"),
        ("positive", "7", "7"),
        ("pair", "ROW(1, 'a b')", "(1,\"a b\")"),
        ("int4range", "'[1,3]'", "[1,4)"),
        ("text[]", "'{a,NULL,\"b c\"}'", "{a,NULL,\"b c\"}"),
        ("inet", "'10.0.0.1/8'", "10.0.0.1/8"),
        ("jsonb", "'{\"b\":1.0, \"a\":2}'", r#"{"a": 2, "b": 1.0}"#),
        ("char(4)", "'ab'", "ab"),
        ("text", "''", ""),
    ] {
        let world = World::new(
            server,
            &format!(
                "CREATE TYPE mood AS ENUM ('sad', 'o''k'); CREATE TYPE pair AS (x int, y text);
                 CREATE DOMAIN positive AS int CHECK (VALUE > 0);
                 CREATE TABLE t (k {kind} PRIMARY KEY, v int);
                 CREATE TABLE two (n int, k {kind}, v int, PRIMARY KEY (k, n));"
            ),
        )
        .await;
        world
            .run(&[
                &format!("INSERT INTO t VALUES ({value}, 1)"),
                "UPDATE t SET v = 2",
                &format!("INSERT INTO two VALUES (5, {value}, 1)"),
                "DELETE FROM two",
                "ALTER TABLE t RENAME k TO l; DELETE FROM t",
            ])
            .await;
        let ids: Vec<_> = world
            .events()
            .await
            .into_iter()
            .map(|event| event.record_id.unwrap())
            .collect();
        let both = serde_json::json!([text, "5"]).to_string();
        assert_eq!(ids, [text, text, &both, &both, text], "{kind}");
        world.remove().await;
    }
}
