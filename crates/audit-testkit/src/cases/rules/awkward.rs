//! Documents that cannot be taken apart, or only with care.

use std::fmt::Write as _;

use audit_core::{Dialect, Redaction, TableRule, schema};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::KEY;
use super::parts::{document_types, literal, tables};
use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::{World, alice};

/// What is planted, and that of it which no redaction of these tests leaves.
const SECRET: &str = "canary-71f3e9c2";
const HIDDEN: &str = "ary-71f3e9c2";

/// Documents that are hard to take apart, each with a secret where paths find it: the document, and
/// whether it is JSON at all.
fn awkward_documents(secret: &str) -> Vec<(String, bool)> {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"x":{open}1{close},"card":{{"number":"{secret}"}}}}"#)
    };
    let json = [
        format!(r#"{{"card":{{"number":"{secret}"}}}}"#),
        format!("\t{{\n\"card\" : {{ \"number\"\r:\"{secret}\" }} }} "),
        format!(r#"{{"card":{{"number":{{"deep":["{secret}"]}}}}}}"#),
        format!(r#"[{{"card":{{"number":"{secret}"}}}},[],"x"]"#),
        format!(r#"{{"card":{{"number":"{secret}"}},"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":1,"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":"{secret}","number":1}}}}"#),
        format!(r#"{{"card":1,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"[{{"card":{{"number":1,"number":"{secret}"}}}}]"#),
        format!(r#"[{{"card":1,"card":{{"number":"{secret}"}}}}]"#),
        format!(r#"{{"\u0063ard":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":1,"numbe\u0072":"{secret}"}}}}"#),
        format!(r#"[{{"c\u0061rd":{{"number":"{secret}"}}}}]"#),
        format!(r#"{{"x":"\u0000","card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":"\u0000{secret}"}}}}"#),
        format!(r#"{{"x":"\ud800","card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"\udfff":1,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"card":{{"number":"\ud800{secret}"}}}}"#),
        format!(r#"[{{"card":{{"number":"\udc00{secret}"}}}}]"#),
        format!(r#"{{"x":1e400,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"x":"\"card\":{{","card":{{"number":"{secret}"}}}}"#),
        format!(r#""{secret}""#),
        format!(r#""{{\"card\":{{\"number\":\"{secret}\"}}}}""#),
        format!(
            r#"{{"x":"{}","card":{{"number":"{secret}"}}}}"#,
            "x".repeat(70_000)
        ),
        format!(
            r#"{{"card":{{"number":"{secret}"}},"x":"{}"}}"#,
            "x".repeat(70_000)
        ),
        nested(28),
        nested(40),
        nested(1000),
        format!(
            r#"{{"x":"{}","card":{{"number":"{secret}"}}}}"#,
            "x".repeat(9000)
        ),
    ];
    let no_json = [
        String::new(),
        secret.to_owned(),
        format!(r#"{{"card":{{"number":"{secret}"}}"#),
        format!(r#"{{"card":{{"number":"{secret}"}}}} x"#),
        format!(r#"{{"card":{{"number":"{secret}"}},}}"#),
        format!("{{card:{{number:'{secret}'}}}}"),
        format!("{{\"card\":{{\"number\":\"{secret}\n\"}}}}"),
        format!(r#"{{"x":1.,"card":{{"number":"{secret}"}}}}"#),
        format!(r#"{{"x":"\x","card":{{"number":"{secret}"}}}}"#),
    ];
    let json = json.into_iter().map(|text| (text, true));
    json.chain(no_json.into_iter().map(|text| (text, false)))
        .collect()
}

/// A text as it is, in hex of both cases and in base64 of the three alignments.
fn spellings(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mut spellings = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for padding in 0..3 {
        let mut bytes = vec![b' '; padding];
        bytes.extend(secret.bytes());
        let text = STANDARD_NO_PAD.encode(&bytes);
        // Without the characters that hold bits of neighbours.
        spellings.push(text[(padding * 8).div_ceil(6)..bytes.len() * 8 / 6].to_owned());
    }
    spellings
}

/// Every column of every row of the log, as the database writes it.
async fn log_as_text<A: Adapter>(world: &World<A>) -> String {
    let text = |name: &str| match world.dialect() {
        Dialect::Postgres => format!("coalesce({name}::text, '')"),
        Dialect::MySql => format!("coalesce(CONVERT({name} USING utf8mb4), '')"),
        _ => format!("coalesce(CAST({name} AS TEXT), '')"),
    };
    let columns = schema::LOG_COLUMNS
        .iter()
        .filter(|column| column.name != "id");
    let columns: Vec<String> = columns.map(|column| text(column.name)).collect();
    let log = world.by("audit.audit_logs", "audit_logs", "audit_logs");
    let rows = world
        .texts(&format!("SELECT {} FROM {log}", columns.join(", ")))
        .await;
    rows.into_iter().flatten().flatten().collect()
}

/// Whatever the document, the write goes through and the secret is nowhere in the log.
pub async fn what_cannot_be_taken_apart_is_hidden_whole<A: Adapter>(server: Server) {
    for redaction in [
        Redaction::Drop,
        Redaction::Hash,
        Redaction::Mask,
        Redaction::Truncate(3),
    ] {
        let world = World::<A>::with(server, &tables(server.dialect()), |audit| {
            audit.hash_key(KEY).exclude("u?").table(
                TableRule::new("t?")
                    .redact_path("details", "$.card.number", redaction)
                    .redact_path("details", "$[*].card.number", redaction),
            )
        })
        .await;
        let dialect = world.dialect();
        let documents = awkward_documents(SECRET);
        for (at, kind) in document_types(dialect).iter().enumerate() {
            let mut taken = 0;
            for (id, (text, _)) in documents.iter().enumerate() {
                let document = literal(dialect, text);
                let insert = format!("INSERT INTO u{at} VALUES ({id}, 0, {document})");
                // A column of JSON refuses some; nothing audits it here.
                taken += usize::from(world.try_raw(&insert).await.is_ok());
            }
            assert!(taken > documents.len() / 3, "{kind} took {taken} documents");
            let mut statements = vec![
                format!("INSERT INTO t{at} SELECT * FROM u{at}"),
                format!("UPDATE t{at} SET plain = plain + 1"),
                format!("DELETE FROM t{at}"),
            ];
            if dialect == Dialect::Sqlite {
                let as_bytes = format!("UPDATE t{at} SET details = CAST(details AS BLOB)");
                statements.insert(1, as_bytes);
            }
            for statement in &statements {
                let written = alice().scope(world.adapter.execute(statement)).await;
                assert_eq!(written.unwrap(), taken as u64, "{kind}: {statement}");
            }
            for event in world.new_events().await {
                let wire = serde_json::to_string(&event).unwrap();
                assert!(!wire.contains(HIDDEN), "{kind}, {redaction:?}: {wire}");
                let images = [&event.before_data, &event.after_data];
                for image in images.into_iter().flatten() {
                    let [(_, id), _, (_, shown)] = &image.fields()[..] else {
                        panic!("{wire}");
                    };
                    assert!(shown.as_str() != "null", "{kind}, {redaction:?}: {wire}");
                    let (text, is_json) = &documents[id.as_str().parse::<usize>().unwrap()];
                    if !is_json && redaction == Redaction::Mask {
                        assert_eq!(shown.as_str(), "\"***\"", "{kind}: {text}");
                    }
                }
            }
        }
        let log = log_as_text(&world).await;
        assert!(log.contains("details:$.card.number"));
        for spelling in spellings(HIDDEN) {
            assert!(!log.contains(&spelling), "{redaction:?}: {spelling}");
        }
    }
}
