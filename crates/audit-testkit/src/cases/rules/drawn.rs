//! Documents and paths drawn from a seed, and what a parser would make of them.

use audit_core::{Redaction, TableRule};
use serde_json::{Map, Value, json};

use super::parts::{document_types, literal};
use crate::adapter::Adapter;
use crate::database::Server;
use crate::draw::Draw;
use crate::world::{World, alice};

const TABLES: usize = 12;
const DOCUMENTS: usize = 30;

const NAMES: [&str; 4] = ["a", "b", "c d", "é'"];

/// A step of a path, or of the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    All,
    At(usize),
    Name(&'static str),
}

/// A path and how it is hidden.
#[derive(Debug, Clone)]
struct Rule {
    steps: Vec<Step>,
    redaction: Redaction,
}

impl Rule {
    fn drawn(draw: &mut Draw) -> Self {
        let steps = (0..=draw.below(3)).map(|_| match draw.below(6) {
            0 => Step::All,
            1 => Step::At(draw.below(3)),
            _ => Step::Name(NAMES[draw.below(NAMES.len())]),
        });
        Self {
            steps: steps.collect(),
            redaction: match draw.below(4) {
                0 => Redaction::Drop,
                1 => Redaction::Mask,
                _ => Redaction::Truncate(u16::try_from(draw.below(12)).unwrap()),
            },
        }
    }

    fn path(&self) -> String {
        let step = |step: &Step| match step {
            Step::All => "[*]".to_owned(),
            Step::At(place) => format!("[{place}]"),
            Step::Name(name) => format!("[\"{name}\"]"),
        };
        format!("${}", self.steps.iter().map(step).collect::<String>())
    }

    fn reaches(&self, way: &[Step]) -> bool {
        let fits = |(step, at): (&Step, &Step)| {
            step == at || (*step == Step::All && matches!(at, Step::At(_)))
        };
        self.steps.len() == way.len() && self.steps.iter().zip(way).all(fits)
    }
}

fn drawn(draw: &mut Draw, depth: usize) -> Value {
    match draw.below(if depth == 0 { 7 } else { 18 }) {
        0 => Value::Null,
        1 => json!(draw.below(2) == 0),
        2 => json!(draw.below(1_000_000)),
        3 => json!(-1.5),
        4..=6 => json!(*draw.one_of(&["", "canary and more", "q\"u\\o\te", "é 雪 😀", "{}"])),
        7..=11 => Value::Array((0..draw.below(4)).map(|_| drawn(draw, depth - 1)).collect()),
        _ => object(draw, depth - 1),
    }
}

fn object(draw: &mut Draw, depth: usize) -> Value {
    let mut members = Map::new();
    for name in NAMES.iter().chain(&["other"]) {
        if draw.below(4) > 0 {
            members.insert((*name).to_owned(), drawn(draw, depth));
        }
    }
    Value::Object(members)
}

/// What an image is to show of a value; `None` when it is left out.
fn expected(value: &Value, way: &mut Vec<Step>, rules: &[Rule]) -> Option<Value> {
    let reaching = rules.iter().filter(|rule| rule.reaches(way));
    let redactions: Vec<Redaction> = reaching.map(|rule| rule.redaction).collect();
    if redactions.contains(&Redaction::Drop) {
        return None;
    }
    if !redactions.is_empty() && value.is_null() {
        return Some(Value::Null);
    }
    if redactions.contains(&Redaction::Mask) {
        return Some(json!("***"));
    }
    let mut further = |step: Step, value: &Value| {
        way.push(step);
        let shown = expected(value, way, rules);
        way.pop();
        shown
    };
    let shown = match value {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .filter_map(|(at, item)| further(Step::At(at), item))
                .collect()
        }
        Value::Object(members) => {
            let mut shown = Map::new();
            for (name, member) in members {
                let known = NAMES.iter().find(|known| *known == name);
                let step = Step::Name(known.copied().unwrap_or("other"));
                shown.extend(further(step, member).map(|member| (name.clone(), member)));
            }
            Value::Object(shown)
        }
        other => other.clone(),
    };
    let lengths = redactions.iter().filter_map(|redaction| match redaction {
        Redaction::Truncate(length) => Some(usize::from(*length)),
        _ => None,
    });
    let Some(length) = lengths.min() else {
        return Some(shown);
    };
    let text = shown
        .as_str()
        .map_or_else(|| shown.to_string(), str::to_owned);
    if text.chars().count() <= length {
        return Some(json!(text));
    }
    let head: String = text.chars().take(length).collect();
    Some(json!(format!("{head}…")))
}

/// Under paths of every kind, every document is shown as a parser would show it.
pub async fn drawn_documents_show_what_a_parser_would<A: Adapter>(server: Server) {
    let mut draw = Draw::new(20_261_124);
    let mut tables: Vec<Vec<Rule>> = Vec::new();
    for _ in 0..TABLES {
        let mut rules: Vec<Rule> = Vec::new();
        for _ in 0..2 + draw.below(5) {
            let rule = Rule::drawn(&mut draw);
            if rules.iter().all(|known| known.steps != rule.steps) {
                rules.push(rule);
            }
        }
        tables.push(rules);
    }
    let dialect = server.dialect();
    let kind = document_types(dialect)[0];
    let create: String = (0..TABLES)
        .map(|at| format!("CREATE TABLE d{at} (id BIGINT NOT NULL PRIMARY KEY, details {kind}); "))
        .collect();
    let world = World::<A>::with(server, &create, |audit| {
        tables.iter().enumerate().fold(audit, |audit, (at, rules)| {
            let rule = TableRule::new(format!("d{at}"));
            audit.table(rules.iter().fold(rule, |table, rule| {
                table.redact_path("details", rule.path(), rule.redaction)
            }))
        })
    })
    .await;
    let mut hidden = 0;
    for (at, rules) in tables.iter().enumerate() {
        let documents: Vec<Value> = (0..DOCUMENTS)
            .map(|id| match id % 4 {
                0 => Value::Array(vec![object(&mut draw, 2), drawn(&mut draw, 3)]),
                _ => object(&mut draw, 3),
            })
            .collect();
        let rows = documents
            .iter()
            .enumerate()
            .map(|(id, document)| format!("({id}, {})", literal(dialect, &document.to_string())));
        let rows: Vec<String> = rows.collect();
        let insert = format!("INSERT INTO d{at} VALUES {}", rows.join(", "));
        alice().scope(world.adapter.execute(&insert)).await.unwrap();
        let events = world.new_events().await;
        assert_eq!(events.len(), DOCUMENTS);
        for event in events {
            let mut image = event.after_data.unwrap().to_object();
            let id = usize::try_from(image["id"].as_u64().unwrap()).unwrap();
            let shown = match image["details"].take() {
                Value::String(text) => serde_json::from_str(&text).unwrap(),
                other => other,
            };
            let wanted = expected(&documents[id], &mut Vec::new(), rules).unwrap();
            assert_eq!(shown, wanted, "{} under {rules:?}", documents[id]);
            hidden += usize::from(wanted != documents[id]);
        }
    }
    println!(
        "{hidden} of {} documents had something to hide",
        TABLES * DOCUMENTS
    );
    assert!(
        hidden > TABLES * DOCUMENTS / 4,
        "only {hidden} had something to hide"
    );
}
