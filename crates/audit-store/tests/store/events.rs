//! Made-up events, put into the table by plain statements.

use audit_core::Dialect;
use proptest::prelude::*;
use uuid::Uuid;

use super::world::{Db, World};

/// Texts that databases like to take for others.
pub(crate) const TEXTS: [&str; 12] = [
    "a", "A", "a ", "", "é", "e\u{301}", "it's", "100%", "a_c", "abc", "\\x\"?$1", "😀",
];

/// Values of a field, as JSON.
pub(crate) const VALUES: [&str; 17] = [
    r#""paid""#,
    r#""paid ""#,
    r#""Paid""#,
    r#""1""#,
    r#""""#,
    r#""it's \"so\" \\""#,
    "1",
    "1.0",
    "2",
    "0.1",
    "-1",
    "9007199254740992",
    "9007199254740993",
    "true",
    "false",
    "null",
    r#"["paid"]"#,
];

/// What stands beside the field that is asked for.
pub(crate) const JUNK: [&str; 5] = [
    "0",
    r#""\u0000""#,
    r#""\\u0000 \ud83d\ude00""#,
    r#""\ud800 and \udc00\ud800""#,
    r#"{"status": "paid"}"#,
];

/// One made-up event.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// Microseconds after the first moment of 2026-03-01, and a number within them.
    pub(crate) at: (i64, u16),
    pub(crate) texts: [Option<&'static str>; 13],
    pub(crate) words: [&'static str; 6],
    pub(crate) lists: [Option<Vec<&'static str>>; 2],
    pub(crate) documents: [Option<String>; 4],
}

/// The columns of [`Made::texts`], `words`, `lists` and `documents`.
pub(crate) const TEXT_COLUMNS: [&str; 13] = [
    "tenant_id",
    "actor_id",
    "table_name",
    "record_id",
    "previous_record_id",
    "label",
    "action",
    "environment",
    "on_behalf_of",
    "request_id",
    "service",
    "table_schema",
    "transaction_id",
];
pub(crate) const WORD_COLUMNS: [&str; 6] = [
    "operation",
    "outcome",
    "severity",
    "data_class",
    "actor_kind",
    "source",
];
const LIST_COLUMNS: [&str; 2] = ["compliance", "changed_fields"];
const DOCUMENT_COLUMNS: [&str; 4] = ["before_data", "after_data", "context", "metadata"];

const WORDS: [[&str; 3]; 6] = [
    ["INSERT", "UPDATE", "DELETE"],
    ["success", "failure", "denied"],
    ["low", "high", "critical"],
    ["public", "internal", "restricted"],
    ["user", "service", "unknown"],
    ["trigger", "manual", "lane"],
];

fn text() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::weighted(0.8, proptest::sample::select(&TEXTS[..]))
}

fn list() -> impl Strategy<Value = Option<Vec<&'static str>>> {
    let items = proptest::sample::subsequence(&TEXTS[..], 0..4);
    proptest::option::of(items)
}

fn document() -> impl Strategy<Value = Option<String>> {
    let value = || proptest::sample::select(&VALUES[..]);
    let fields = (
        value(),
        value(),
        value(),
        proptest::sample::select(&JUNK[..]),
        0..3_u8,
    );
    proptest::option::weighted(
        0.8,
        fields.prop_map(|(status, deep, odd, junk, form)| {
            let status = match form {
                0 => String::new(),
                _ => format!(r#""status":{status},"#),
            };
            let list = match form {
                2 => format!(r#"[{deep},{{"b":{odd}}}]"#),
                _ => format!(r#"{{"0":{deep},"b":{odd}}}"#),
            };
            format!(r#"{{{status}"junk":{junk},"list":{list},"a = b":{odd},"trace_id":{deep},"job":{odd},"route":{deep}}}"#)
        }),
    )
}

pub(crate) fn made() -> impl Strategy<Value = Made> {
    let word = |at: usize| proptest::sample::select(&WORDS[at][..]);
    (
        (0..50_i64, any::<u16>()),
        std::array::from_fn::<_, 13, _>(|_| text()),
        std::array::from_fn::<_, 6, _>(word),
        [list(), list()],
        [document(), document(), document(), document()],
    )
        .prop_map(|(at, texts, words, lists, documents)| Made {
            at,
            texts,
            words,
            lists,
            documents,
        })
}

/// The id of an event: the first numbers are those of its time, as the database makes them.
fn id((micros, number): (i64, u16)) -> Uuid {
    let millis = u128::try_from(START + micros).unwrap() / 1_000;
    let rest = u128::from(number) << 46 | u128::try_from(micros).unwrap();
    Uuid::from_u128(millis << 80 | 0x7 << 76 | 0b10 << 62 | rest)
}

/// The first moment of 2026-03-01 in microseconds since 1970.
pub(crate) const START: i64 = 1_772_323_200_000_000;

fn quoted(dialect: Dialect, text: &str) -> String {
    let text = text.replace('\'', "''");
    match dialect {
        Dialect::MySql => format!("'{}'", text.replace('\\', "\\\\")),
        _ => format!("'{text}'"),
    }
}

impl Made {
    fn row(&self, dialect: Dialect) -> String {
        let time = chrono::DateTime::from_timestamp_micros(START + self.at.0).unwrap();
        let time = match dialect {
            Dialect::MySql => time.format("'%Y-%m-%d %H:%M:%S%.6f'"),
            _ => time.format("'%Y-%m-%dT%H:%M:%S%.6fZ'"),
        };
        let id = id(self.at);
        let id = match dialect {
            Dialect::Postgres => format!("'{id}'"),
            _ => format!("X'{}'", id.simple()),
        };
        let mut values = vec![time.to_string(), id, "1".into()];
        let optional =
            |text: Option<&str>| text.map_or("NULL".to_owned(), |text| quoted(dialect, text));
        values.extend(self.texts.iter().map(|text| optional(*text)));
        values.extend(self.words.iter().map(|word| optional(Some(word))));
        values.extend(self.lists.iter().map(|list| match (list, dialect) {
            (None, _) => "NULL".to_owned(),
            (Some(list), Dialect::Postgres) => {
                let items: Vec<String> = list.iter().map(|text| quoted(dialect, text)).collect();
                format!("ARRAY[{}]::text[]", items.join(","))
            }
            (Some(list), _) => quoted(dialect, &serde_json::to_string(list).unwrap()),
        }));
        values.extend(self.documents.iter().map(|text| {
            let text = text.as_deref().map(|text| match dialect {
                // What MariaDB takes for no JSON is in no column of its own either.
                Dialect::MySql => text.replace(JUNK[3], "0"),
                _ => text.to_owned(),
            });
            optional(text.as_deref())
        }));
        format!("({})", values.join(","))
    }
}

impl<DB: Db> World<DB> {
    /// Puts events into the log; one that has the place of another is left out.
    pub(crate) async fn put(&mut self, made: &[Made]) {
        let mut made = made.to_vec();
        made.sort_by_key(|made| made.at);
        made.dedup_by_key(|made| made.at);
        let columns = ["occurred_at", "id", "schema_version"]
            .into_iter()
            .chain(TEXT_COLUMNS)
            .chain(WORD_COLUMNS)
            .chain(LIST_COLUMNS)
            .chain(DOCUMENT_COLUMNS);
        let columns: Vec<&str> = columns.collect();
        let rows: Vec<String> = made
            .iter()
            .map(|made| made.row(self.server.dialect()))
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.log_table(),
            columns.join(", "),
            rows.join(", ")
        );
        self.raw.run(&sql).await;
    }
}

/// Values drawn from a strategy, the same in each run.
pub(crate) fn drawn<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..count)
        .map(|_| {
            use proptest::strategy::ValueTree as _;
            strategy.new_tree(&mut runner).unwrap().current()
        })
        .collect()
}
