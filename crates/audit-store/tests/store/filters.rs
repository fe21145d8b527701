//! Every filter against a model in Rust that shares nothing with it.

use audit_core::query::{Document, FieldFilter, LogQuery};
use audit_core::{ActorKind, DataClass, Event, Json, Operation, Outcome, Severity, Source};
use audit_testkit::Server;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::events::{START, TEXTS, VALUES, drawn, made};
use super::world::{Db, World};

/// One filter, for the query and for the model.
#[derive(Debug, Clone)]
enum Spec {
    ActorKind(Vec<ActorKind>),
    Changed(&'static str),
    Compliance(Vec<&'static str>),
    DataClass(Vec<DataClass>),
    /// One of `FACTS`.
    Fact(usize, Vec<&'static str>),
    Field(Field),
    Operation(Vec<Operation>),
    Outcome(Vec<Outcome>),
    PreviousRecord(Vec<&'static str>),
    Record(Vec<&'static str>),
    Severity(Vec<Severity>),
    Since(i64),
    Source(Vec<Source>),
    /// One of `TEXT_FILTERS`.
    Text(usize, Vec<&'static str>),
    Until(i64),
    WholeTable,
}

/// How a query is narrowed to some texts.
type Ask = fn(LogQuery, Vec<&'static str>) -> LogQuery;

/// What an event has in a column.
type Has = fn(&Event) -> &Option<String>;

/// The filters by a column, and what an event has in it.
const TEXT_FILTERS: [(Ask, Has); 11] = [
    (LogQuery::action, |event| &event.action),
    (LogQuery::actor, |event| &event.actor_id),
    (LogQuery::environment, |event| &event.environment),
    (LogQuery::label, |event| &event.label),
    (LogQuery::on_behalf_of, |event| &event.on_behalf_of),
    (LogQuery::request, |event| &event.request_id),
    (LogQuery::schema, |event| &event.table_schema),
    (LogQuery::service, |event| &event.service),
    (LogQuery::table, |event| &event.table_name),
    (LogQuery::tenant, |event| &event.tenant_id),
    (LogQuery::transaction, |event| &event.transaction_id),
];

/// The filters by a field of the context.
const FACTS: [(Ask, &str); 3] = [
    (LogQuery::job, "job"),
    (LogQuery::route, "route"),
    (LogQuery::trace, "trace_id"),
];

/// A condition on a field.
#[derive(Debug, Clone)]
struct Field {
    document: Document,
    path: &'static str,
    is_one: bool,
    /// A JSON scalar.
    value: &'static str,
}

const PATHS: [&str; 6] = [
    "status",
    "list[0]",
    "list[1].b",
    "list.b",
    "list[\"0\"]",
    "[\"a = b\"]",
];

fn texts() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(proptest::sample::select(&TEXTS[..]), 1..3)
}

fn words<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    proptest::sample::subsequence(all, 1..=2)
}

fn field() -> impl Strategy<Value = Field> {
    let document = prop_oneof![
        Just(Document::Before),
        Just(Document::After),
        Just(Document::Context),
        Just(Document::Metadata),
    ];
    let value = proptest::sample::select(&VALUES[..16]);
    (
        document,
        proptest::sample::select(&PATHS[..]),
        any::<bool>(),
        value,
    )
        .prop_map(|(document, path, is_one, value)| Field {
            document,
            path,
            is_one,
            value,
        })
}

fn spec() -> impl Strategy<Value = Spec> {
    let text = || proptest::sample::select(&TEXTS[..]);
    let facts = proptest::sample::subsequence(&["paid", "paid ", "1", ""][..], 1..3);
    prop_oneof![
        1 => words(ActorKind::ALL).prop_map(Spec::ActorKind),
        1 => text().prop_map(Spec::Changed),
        1 => texts().prop_map(Spec::Compliance),
        1 => words(DataClass::ALL).prop_map(Spec::DataClass),
        2 => (0..FACTS.len(), facts).prop_map(|(fact, texts)| Spec::Fact(fact, texts)),
        4 => field().prop_map(Spec::Field),
        1 => words(Operation::ALL).prop_map(Spec::Operation),
        1 => words(Outcome::ALL).prop_map(Spec::Outcome),
        1 => texts().prop_map(Spec::PreviousRecord),
        2 => texts().prop_map(Spec::Record),
        1 => words(Severity::ALL).prop_map(Spec::Severity),
        1 => (0..50_i64).prop_map(Spec::Since),
        1 => words(Source::ALL).prop_map(Spec::Source),
        8 => (0..TEXT_FILTERS.len(), texts()).prop_map(|(filter, texts)| Spec::Text(filter, texts)),
        1 => (0..50_i64).prop_map(Spec::Until),
        1 => Just(Spec::WholeTable),
    ]
}

impl Field {
    fn to_filter(&self) -> FieldFilter {
        let name = match self.document {
            Document::Before => "before",
            Document::Context => "context",
            Document::Metadata => "metadata",
            _ => "after",
        };
        let dot = if self.path.starts_with('[') { "" } else { "." };
        let sign = if self.is_one { "=" } else { "!=" };
        FieldFilter::from(format!("{name}{dot}{} {sign} {}", self.path, self.value))
    }
}

fn instant(micros: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_micros(START + micros).unwrap()
}

impl Spec {
    fn ask(&self, query: LogQuery) -> LogQuery {
        match self.clone() {
            Self::ActorKind(words) => query.actor_kind(words),
            Self::Changed(column) => query.changed(column),
            Self::Compliance(regimes) => query.compliance(regimes),
            Self::DataClass(words) => query.data_class(words),
            Self::Fact(fact, texts) => FACTS[fact].0(query, texts),
            Self::Field(field) => query.filter(field.to_filter()),
            Self::Operation(words) => query.operation(words),
            Self::Outcome(words) => query.outcome(words),
            Self::PreviousRecord(ids) => query.previous_record(ids),
            Self::Record(ids) => query.record(ids),
            Self::Severity(words) => query.severity(words),
            Self::Since(micros) => query.since(instant(micros)),
            Self::Source(words) => query.source(words),
            Self::Text(filter, texts) => TEXT_FILTERS[filter].0(query, texts),
            Self::Until(micros) => query.until(instant(micros)),
            Self::WholeTable => query.whole_table(),
        }
    }

    fn holds(&self, event: &Event) -> bool {
        let one_of = |texts: &[&str], text: &Option<String>| {
            text.as_deref().is_some_and(|text| texts.contains(&text))
        };
        let has =
            |list: &Option<Vec<String>>, text: &str| list.iter().flatten().any(|item| item == text);
        match self {
            Self::ActorKind(words) => words.contains(&event.actor_kind),
            Self::Changed(column) => has(&event.changed_fields, column),
            Self::Compliance(regimes) => regimes.iter().all(|name| has(&event.compliance, name)),
            Self::DataClass(words) => event.data_class.is_some_and(|word| words.contains(&word)),
            Self::Fact(fact, texts) => {
                let context = event.context.as_ref();
                let found = context.and_then(|context| at(context.as_str(), FACTS[*fact].1));
                let quoted = |text: &&str| serde_json::to_string(text).unwrap();
                found.is_some_and(|found| texts.iter().any(|text| same(&found, &quoted(text))))
            }
            Self::Field(field) => field_holds(field, event),
            Self::Operation(words) => words.contains(&event.operation),
            Self::Outcome(words) => words.contains(&event.outcome),
            Self::PreviousRecord(ids) => one_of(ids, &event.previous_record_id),
            Self::Record(ids) => {
                one_of(ids, &event.record_id) || one_of(ids, &event.previous_record_id)
            }
            Self::Severity(words) => event.severity.is_some_and(|word| words.contains(&word)),
            Self::Since(micros) => event.occurred_at >= instant(*micros),
            Self::Source(words) => words.contains(&event.source),
            Self::Text(filter, texts) => one_of(texts, TEXT_FILTERS[*filter].1(event)),
            Self::Until(micros) => event.occurred_at < instant(*micros),
            Self::WholeTable => event.record_id.is_none(),
        }
    }
}

fn field_holds(field: &Field, event: &Event) -> bool {
    let image = match field.document {
        Document::Before => &event.before_data,
        Document::Context => &event.context,
        Document::Metadata => &event.metadata,
        _ => &event.after_data,
    };
    let found = image
        .as_ref()
        .and_then(|image| at(image.as_str(), field.path));
    found.is_some_and(|found| same(&found, field.value) == field.is_one)
}

fn member(document: &str, name: &str) -> Option<String> {
    let fields = document.parse::<Json>().unwrap().fields();
    let found = fields.into_iter().find(|(field, _)| field == name);
    found.map(|(_, value)| value.as_str().to_owned())
}

fn item(document: &str, place: usize) -> Option<String> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(document).ok()?;
    items.get(place).map(|item| item.get().to_owned())
}

/// The few paths of these tests, walked by hand.
fn at(document: &str, path: &str) -> Option<String> {
    match path {
        "list[0]" => item(&member(document, "list")?, 0),
        "list[1].b" => member(&item(&member(document, "list")?, 1)?, "b"),
        "list.b" => member(&member(document, "list")?, "b"),
        "list[\"0\"]" => member(&member(document, "list")?, "0"),
        "[\"a = b\"]" => member(document, "a = b"),
        name => member(document, name),
    }
}

/// Whether two JSON values are the same scalar.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the numbers that are drawn are small"
)]
fn same(found: &str, wanted: &str) -> bool {
    let exact = |text: &str| -> Option<i128> {
        let whole = text
            .parse::<f64>()
            .ok()
            .filter(|number| number.fract() == 0.0);
        text.parse().ok().or(whole.map(|number| number as i128))
    };
    match (exact(found), exact(wanted)) {
        (Some(found), Some(wanted)) => found == wanted,
        (None, None) => {
            let value = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
            !found.starts_with(['[', '{']) && value(found) == value(wanted)
        }
        _ => false,
    }
}

/// Asks for events that pass some filters, and compares with a walk over all events; whether there are some.
async fn is_answered<DB: Db>(world: &World<DB>, events: &[Event], specs: &[Spec]) -> bool {
    let start = LogQuery::new().oldest_first().limit(1_000);
    let query = specs.iter().fold(start, |query, spec| spec.ask(query));
    let since = specs.iter().filter_map(|spec| match spec {
        Spec::Since(micros) => Some(*micros),
        _ => None,
    });
    let until = specs.iter().filter_map(|spec| match spec {
        Spec::Until(micros) => Some(*micros),
        _ => None,
    });
    let found = audit_sqlx::log(&world.pool).matching(query).list().await;
    let span = since.max().zip(until.min());
    if span.is_some_and(|(since, until)| since >= until) {
        assert!(found.is_err(), "{specs:?}");
        return false;
    }
    let found = found.unwrap_or_else(|error| panic!("{specs:?}: {error:?}"));
    let expected: Vec<&Event> = events
        .iter()
        .filter(|event| specs.iter().all(|spec| spec.holds(event)))
        .collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{specs:?}");
    !found.is_empty()
}

/// Every query gives what a walk over all events gives, in the same order.
pub(crate) async fn random_queries_find_what_a_model_finds<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.put(&drawn(&made(), 400)).await;
    let events = world.events().await;
    assert!(events.len() > 300, "{}", events.len());
    let mut found_some = 0;
    for specs in drawn(&proptest::collection::vec(spec(), 1..3), 250) {
        found_some += usize::from(is_answered(&world, &events, &specs).await);
    }
    assert!(found_some > 100, "{found_some}");
    // Each filter by itself finds something.
    let texts = (0..TEXT_FILTERS.len()).map(|filter| Spec::Text(filter, vec!["a", "A "]));
    let facts = (0..FACTS.len()).map(|fact| Spec::Fact(fact, vec!["paid", "1"]));
    let words = [
        Spec::ActorKind(vec![ActorKind::Service]),
        Spec::PreviousRecord(vec!["a"]),
        Spec::Source(vec![Source::Lane, Source::Trigger]),
        Spec::WholeTable,
    ];
    for spec in texts.chain(facts).chain(words) {
        let specs = [spec];
        assert!(is_answered(&world, &events, &specs).await, "{specs:?}");
    }
}

/// A document may hold what the database's own functions refuse.
pub(crate) async fn fields_are_found_whatever_else_a_document_holds<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.put(&drawn(&made(), 200)).await;
    let events = world.events().await;
    for value in &VALUES[..16] {
        let field = Field {
            document: Document::After,
            path: "status",
            is_one: true,
            value,
        };
        let query = LogQuery::new()
            .oldest_first()
            .limit(1_000)
            .filter(field.to_filter());
        let found = audit_sqlx::log(&world.pool)
            .matching(query)
            .list()
            .await
            .unwrap();
        let expected: Vec<&Event> = events
            .iter()
            .filter(|event| field_holds(&field, event))
            .collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{value}");
        assert!(!found.is_empty(), "{value}");
    }
}

/// A search looks into labels, descriptions, record ids and images, for the very characters.
pub(crate) async fn a_text_is_found_in_every_place_that_is_searched<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let set = |column: &str, text: &str| {
        let value = match server.dialect() {
            audit_core::Dialect::MySql => text.replace('\\', "\\\\"),
            _ => text.to_owned(),
        };
        let value = value.replace('\'', "''");
        format!("UPDATE {} SET {column} = '{value}'", world.log_table())
    };
    let places = [
        set("label", "50% off_it"),
        set("description", r"C:\temp"),
        set("record_id", "Ärger"),
        set("before_data", r#"{"a": "she said \"no\""}"#),
        set("after_data", r#"{"a": "O'Neil!"}"#),
    ];
    let one = drawn(&made(), 1);
    world.put(&one).await;
    for (place, hits, misses) in [
        (&places[0], ["50%", "OFF_I"], ["0_ o", "50%%"]),
        (&places[1], [r"c:\t", r"\TEMP"], ["c:t", r"\\temp"]),
        (&places[2], ["Ärger", "RGE"], ["Argerx", "r_er"]),
        (&places[3], [r#""no""#, "SHE"], ["she_said", r#"\"no"#]),
        (&places[4], ["O'NEIL!", "l!"], ["O''N", "!!"]),
    ] {
        let empty = format!(
            "UPDATE {} SET label = NULL, description = NULL, record_id = NULL, \
             before_data = NULL, after_data = NULL",
            world.log_table()
        );
        world.raw.run(&empty).await;
        world.raw.run(place).await;
        for (texts, expected) in [(hits, 1), (misses, 0)] {
            for text in texts {
                let found = audit_sqlx::log(&world.pool)
                    .search(text)
                    .list()
                    .await
                    .unwrap();
                assert_eq!(found.len(), expected, "{text} in {place}");
            }
        }
    }
}

/// The time in an id is a way to its event, not a condition of its own.
pub(crate) async fn an_id_leads_to_its_event<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let insert = "INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')";
    world.run_as("ann", &[insert, "DELETE FROM users"]).await;
    let events = world.events().await;
    assert_eq!(events.len(), 6);
    let mut trail = world.trail();
    for event in &events {
        let found = trail.event(event.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(event));
    }
    let ids: Vec<uuid::Uuid> = events.iter().map(|event| event.id).collect();
    let all = audit_sqlx::log(&world.pool)
        .id(ids)
        .oldest_first()
        .list()
        .await
        .unwrap();
    assert_eq!(all, events);
    assert_eq!(trail.event(uuid::Uuid::nil()).await.unwrap(), None);
}
