mod published;

use audit_core::schema::{Column, ColumnKind};
use audit_core::{ActorKind, Operation, Outcome, Source};
use proptest::prelude::*;

use super::csv::column;
use super::*;
use audit_core::Event;
use audit_core::schema::LOG_COLUMNS;

/// Texts that files like to take for something else.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "a",
    " a ",
    "null",
    "\"",
    "\"\"",
    "a\"b",
    "a,b",
    "a;b|c\td",
    "a\r\nb",
    "\n",
    "\r",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "'",
    "''=1",
    "'a",
    "＝1",
    "\0é😀\u{feff}\u{2028}",
    "\u{feff}",
];

/// Documents with what no value of a program can hold.
const DOCUMENTS: [&str; 10] = [
    "null",
    "-0.10e+400",
    r#"{"n" : 12345678901234567890.10, "n":"\u0000\ud800 \"}]"}"#,
    "[1,\n{\"a\":\r\n[]}]",
    r#""=1+1, \\""#,
    r#"{}"#,
    r#"{"é":"\\\"{["}"#,
    "[[[[[[]]]]]]",
    // What a context may be, and what may have the names of its facts.
    r#"{"client_ip":"::ffff:10.0.0.1","peer_ip":"10.0.0.2","roles":["a"],"method":"=","trace_id":"1"}"#,
    r#"{"client_ip":"here","peer_ip":[1],"roles":["a",1],"method":1,"user_agent":null}"#,
];

fn text_of(column: &'static Column) -> BoxedStrategy<Option<String>> {
    let words = |words: Vec<&'static str>| proptest::sample::select(words).prop_map(str::to_owned);
    let any_text = || {
        prop_oneof![
            words(TEXTS.to_vec()),
            proptest::collection::vec(words(TEXTS.to_vec()), 2..4).prop_map(|parts| parts.concat()),
            any::<String>(),
        ]
    };
    let text = match (column.name, column.kind) {
        ("operation", _) => {
            words(Operation::ALL.iter().map(|word| word.as_str()).collect()).boxed()
        }
        ("outcome", _) => words(Outcome::ALL.iter().map(|word| word.as_str()).collect()).boxed(),
        ("actor_kind", _) => {
            words(ActorKind::ALL.iter().map(|word| word.as_str()).collect()).boxed()
        }
        ("source", _) => words(Source::ALL.iter().map(|word| word.as_str()).collect()).boxed(),
        ("severity", _) => words(vec!["low", "critical"]).boxed(),
        ("data_class", _) => words(vec!["public", "restricted"]).boxed(),
        ("assurance", _) => words(vec!["asserted", "verified"]).boxed(),
        ("schema_version", _) => any::<i16>().prop_map(|number| number.to_string()).boxed(),
        (_, ColumnKind::Boolean) => any::<bool>().prop_map(|is| is.to_string()).boxed(),
        (_, ColumnKind::Integer) => any::<i64>().prop_map(|number| number.to_string()).boxed(),
        (_, ColumnKind::Json) => words(DOCUMENTS.to_vec()).boxed(),
        (_, ColumnKind::List) => proptest::collection::vec(any_text(), 0..3)
            .prop_map(|list| serde_json::to_string(&list).unwrap())
            .boxed(),
        (_, ColumnKind::Time) => (0..4_000_000_000_000_000_i64)
            .prop_map(|micros| {
                chrono::DateTime::from_timestamp_micros(micros)
                    .unwrap()
                    .to_rfc3339()
            })
            .boxed(),
        (_, ColumnKind::Uuid) => any::<u128>()
            .prop_map(|id| uuid::Uuid::from_u128(id).to_string())
            .boxed(),
        _ => any_text().boxed(),
    };
    if column.nullable {
        proptest::option::weighted(0.8, text).boxed()
    } else {
        text.prop_map(Some).boxed()
    }
}

fn event() -> impl Strategy<Value = Event> {
    LOG_COLUMNS
        .iter()
        .map(text_of)
        .collect::<Vec<_>>()
        .prop_map(|texts| Event::from_texts(texts.iter().map(Option::as_deref)).unwrap())
}

fn tables() -> Vec<Csv> {
    let mut tables = Vec::new();
    for delimiter in [
        Delimiter::Comma,
        Delimiter::Pipe,
        Delimiter::Semicolon,
        Delimiter::Tab,
    ] {
        for (quoting, is_on) in [(Quoting::All, true), (Quoting::Necessary, false)] {
            let csv = Csv::builder().delimiter(delimiter).quoting(quoting);
            tables.push(
                csv.byte_order_mark(is_on)
                    .formula_guard(is_on)
                    .build()
                    .unwrap(),
            );
            let csv = Csv::builder().delimiter(delimiter).quoting(quoting);
            tables.push(
                csv.byte_order_mark(!is_on)
                    .formula_guard(!is_on)
                    .build()
                    .unwrap(),
            );
        }
    }
    tables
}

fn written(format: &Format, events: &[Event]) -> Vec<u8> {
    let mut file = File::new(format.clone());
    let mut bytes = Vec::new();
    for page in events.chunks(2) {
        file.write(page, &mut bytes);
    }
    file.finish(&mut bytes);
    file.finish(&mut bytes);
    bytes
}

fn read(format: &Format, bytes: &[u8]) -> Result<Vec<Event>, ReadError> {
    format.read(bytes).collect()
}

/// An event as it is once the line breaks of its documents are spaces.
fn on_a_line(event: &Event) -> Event {
    let mut event = event.clone();
    let documents = [
        &mut event.before_data,
        &mut event.after_data,
        &mut event.context,
        &mut event.metadata,
    ];
    for document in documents.into_iter().flatten() {
        let text = document.as_str().replace(['\r', '\n'], " ");
        *document = text.parse().unwrap();
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_export_reads_back_as_the_same_events(events in proptest::collection::vec(event(), 0..5)) {
        for csv in tables() {
            let format = Format::Csv(csv);
            let bytes = written(&format, &events);
            prop_assert_eq!(read(&format, &bytes).unwrap(), events.clone());
        }
        let lines: Vec<Event> = events.iter().map(on_a_line).collect();
        for format in [Format::CloudEvents, Format::Ecs, Format::Json, Format::Ndjson, Format::Ocsf] {
            let bytes = written(&format, &events);
            prop_assert_eq!(read(&format, &bytes).unwrap(), lines.clone());
        }
        // An independent reader of JSON finds as many events, each on a line.
        let json = written(&Format::Json, &events);
        let array: Vec<serde::de::IgnoredAny> = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(array.len(), events.len());
        let lines = String::from_utf8(written(&Format::Ndjson, &events)).unwrap();
        prop_assert_eq!(lines.matches('\n').count(), events.len());
        for line in lines.split_terminator('\n') {
            serde_json::from_str::<serde::de::IgnoredAny>(line).unwrap();
        }
    }

    /// The `csv` crate reads what we write, and we read what it writes.
    #[test]
    fn another_implementation_of_csv_agrees(events in proptest::collection::vec(event(), 1..4)) {
        for table in tables() {
            let (delimiter, is_guarded) = (table.delimiter.byte(), table.is_guarded);
            let bytes = written(&Format::Csv(table.clone()), &events);
            let bytes = bytes.strip_prefix(csv::BYTE_ORDER_MARK).unwrap_or(&bytes);
            let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
            let names: Vec<&str> = LOG_COLUMNS.iter().map(|column| column.name).collect();
            prop_assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), names.clone());
            let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(rows.len(), events.len());
            for (row, event) in rows.iter().zip(&events) {
                for ((cell, text), column) in row.iter().zip(event.to_texts()).zip(&LOG_COLUMNS) {
                    let text = text.unwrap_or_default();
                    let first = text.chars().next().filter(|_| column.kind == ColumnKind::Text);
                    let is_formula = first.is_some_and(|first| "=+-@\t\r\n＝＋－＠'".contains(first));
                    let guard = if is_guarded && is_formula { "'" } else { "" };
                    prop_assert_eq!(cell, format!("{guard}{text}"));
                }
            }

            let style = match table.is_guarded {
                true => ::csv::QuoteStyle::Always,
                false => ::csv::QuoteStyle::Necessary,
            };
            let mut writer = ::csv::WriterBuilder::new().delimiter(delimiter).quote_style(style).from_writer(Vec::new());
            writer.write_record(&names).unwrap();
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let theirs = writer.into_inner().unwrap();
            let mut ours = read::Rows::new(theirs.as_slice(), delimiter);
            ours.next().unwrap();
            for row in &rows {
                let cells = ours.next().unwrap().unwrap();
                let cells: Vec<String> = cells.into_iter().map(Option::unwrap_or_default).collect();
                prop_assert_eq!(cells, row.iter().collect::<Vec<_>>());
            }
            prop_assert!(ours.next().unwrap().is_none());
        }
    }
}

fn small(texts: &[(&str, &str)]) -> Event {
    let mut row = vec![None; LOG_COLUMNS.len()];
    let needed = [
        ("occurred_at", "2026-01-02T03:04:05Z"),
        ("id", "0190a1b2-0000-7000-8000-000000000001"),
        ("schema_version", "1"),
        ("operation", "UPDATE"),
        ("outcome", "success"),
        ("actor_kind", "user"),
        ("source", "manual"),
    ];
    for (name, text) in needed.iter().chain(texts) {
        row[column(name).unwrap()] = Some(*text);
    }
    Event::from_texts(row).unwrap()
}

/// By hand, from the rules of RFC 4180, section 2.
#[test]
fn a_table_is_what_rfc_4180_says() {
    let events = [
        small(&[
            ("label", "a,b"),
            ("reason", "say \"no\""),
            ("row_count", "-1"),
        ]),
        small(&[("reason", "two\r\nlines"), ("label", "")]),
        small(&[
            ("label", "=1"),
            ("reason", " =1"),
            ("compliance", "[\"sox\",\"=\"]"),
        ]),
    ];
    let columns = ["reason", "label", "row_count", "compliance"];
    let file = |builder: CsvBuilder| {
        let format = Format::Csv(builder.columns(columns).build().unwrap());
        String::from_utf8(written(&format, &events)).unwrap()
    };
    assert_eq!(
        file(Csv::builder()),
        "reason,label,row_count,compliance\r\n\
         \"say \"\"no\"\"\",\"a,b\",-1,\r\n\
         \"two\r\nlines\",\"\",,\r\n\
         \" =1\",'=1,,\"[\"\"sox\"\",\"\"=\"\"]\"\r\n"
    );
    let semicolon = Csv::builder()
        .delimiter(Delimiter::Semicolon)
        .formula_guard(false);
    assert_eq!(
        file(semicolon.byte_order_mark(true).quoting(Quoting::All)),
        "\u{feff}\"reason\";\"label\";\"row_count\";\"compliance\"\r\n\
         \"say \"\"no\"\"\";\"a,b\";\"-1\";\r\n\
         \"two\r\nlines\";\"\";;\r\n\
         \" =1\";\"=1\";;\"[\"\"sox\"\",\"\"=\"\"]\"\r\n"
    );
}

#[test]
fn a_table_cannot_have_every_column() {
    let build = |names: &[&str]| Csv::builder().columns(names.iter().copied()).build();
    let unknown = build(&["id", "ID"]).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "events have no column `ID`; the columns are those of `audit_logs`"
    );
    let repeated = build(&["id", "id"]).unwrap_err();
    assert!(matches!(repeated, CsvError::RepeatedColumn { name } if name == "id"));
    assert_eq!(build(&[]).unwrap_err(), CsvError::NoColumn);
}

#[test]
fn a_file_without_events_is_still_a_file() {
    let csv = Csv::builder().columns(["id", "label"]).build().unwrap();
    let empty = |format| String::from_utf8(written(&format, &[])).unwrap();
    assert_eq!(empty(Format::Csv(csv)), "id,label\r\n");
    assert_eq!(empty(Format::Json), "[]\n");
    assert_eq!(empty(Format::Ndjson), "");
}

#[test]
fn a_file_that_was_cut_or_changed_is_refused() {
    let event = small(&[("label", "a"), ("after_data", "{\"a\":[1]}")]);
    let events = [event.clone(), event];
    let whole = |format: &Format| {
        let bytes = written(format, &events);
        let cuts = 1..=bytes.len();
        let cuts = cuts.filter(|cut| read(format, &bytes[..*cut]).is_ok());
        let ends = cuts.map(|cut| String::from_utf8_lossy(&bytes[..cut]).into_owned());
        ends.collect::<Vec<_>>()
    };
    // The end of the last line may be absent; lines that are not there are not missed.
    let json = whole(&Format::Json);
    assert!(json.len() == 2 && json[0].ends_with("\n]"), "{json:?}");
    let lines = whole(&Format::Ndjson);
    assert!(lines.len() == 4 && lines[0].ends_with('}'), "{lines:?}");
    let csv = whole(&Format::Csv(Csv::default()));
    let rows = csv.iter().filter(|text| text.contains('\n')).count();
    assert_eq!(rows, 5, "{csv:?}");
    let refused =
        |format: &Format, text: &str| read(format, text.as_bytes()).unwrap_err().to_string();
    let malformed = "event 1 does not follow the format; read the file as what it was exported as";
    for text in [
        "", "{}", "[,", "[{}", "[{]", "[1]", "[{} {}]", "[]]", "[{},]", "x",
    ] {
        let told = refused(&Format::Json, text);
        assert!(
            told == malformed || told == "event 1 cannot be read",
            "{text}: {told}"
        );
    }
    assert_eq!(refused(&Format::Ndjson, "[]"), malformed);
    let csv = Format::Csv(Csv::default());
    for text in ["", "\u{feff}", "id\rlabel", "id,\"label", "i\"d", "\"id\"x"] {
        let told = refused(&csv, text);
        assert_eq!(told, malformed, "{text}");
    }
    let unknown = |name: &str| {
        format!("events have no column `{name}`, or it is there twice; read the file as what it is")
    };
    assert_eq!(refused(&csv, "id,ID\r\n"), unknown("ID"));
    assert_eq!(refused(&csv, "id,id\r\n"), unknown("id"));
    assert_eq!(
        refused(&csv, "id,label\n1\n"),
        "event 1 has 1 cells and the header 2; the file was cut or changed"
    );
    assert_eq!(
        refused(&csv, "id,label\n1,a\n"),
        "column `occurred_at` of event 1 cannot be read; export that column as well"
    );
    // Behind an error there is nothing.
    let mut exported = csv.read("id\nx\nx\n".as_bytes());
    assert!(exported.next().unwrap().is_err() && exported.next().is_none());
}

#[test]
fn a_response_tells_what_the_file_is() {
    let csv = Format::Csv(Csv::default());
    assert_eq!(
        csv.content_type(),
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(
        csv.content_disposition("audit_logs-2026.11"),
        "attachment; filename=\"audit_logs-2026.11.csv\""
    );
    assert_eq!(Format::Json.content_type(), "application/json");
    assert_eq!(
        Format::Json.content_disposition("a\"\r\nb; é/../c"),
        "attachment; filename=\"a___b____.._c.json\""
    );
    for format in [
        Format::CloudEvents,
        Format::Ecs,
        Format::Ndjson,
        Format::Ocsf,
    ] {
        assert_eq!(format.content_type(), "application/x-ndjson");
        assert!(format.content_disposition("a").ends_with("\"a.ndjson\""));
    }
}
