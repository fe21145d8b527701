//! A statement of the application and the events of its rows as one statement.
//!
//! It is kept as it was written, in a WITH, and gives its rows back as values of the type of the
//! table; the events are made of those by the expressions of the triggers.

use audit_core::stamp::Slot;
use audit_core::{Operation, Snapshot, Source};

use crate::event_row::Expressions;
use crate::inline::returning::{Image, Output};
use crate::inline::shape::{Conflict, Verb, Write};
use crate::inline::statement::Statement;
use crate::plan::Capture;

use super::body::{Moment, clipped, event, images_wanted, looks_for_newer_columns, sides};
use super::expression::{Postgres, Row, changed, depends_on_settings, micros, needs_key};
use super::{name, rule, text};

/// The first version that gives back the row before a change.
pub(crate) const RETURNS_OLD: u32 = 180_000;

/// What stands between two parts of a WITH.
const SEPARATOR: &str = ",\n";

const OLD: &str = "\"!old\"";
const NEW: &str = "\"!new\"";

/// The same where a column of the row follows.
const OLD_ROW: &str = "(\"!old\")";
const NEW_ROW: &str = "(\"!new\")";

/// A statement and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Splice<'a> {
    pub(crate) statement: &'a Statement<'a>,
    pub(crate) write: &'a Write,
    pub(crate) outputs: &'a [Output],
    /// What is captured, one for each kind of change that the statement can be.
    pub(crate) captures: &'a [Capture<'a>],
}

/// The statement that does both.
#[derive(Debug)]
pub(crate) struct Spliced {
    pub(crate) text: String,
    /// The number of bytes before what is of the events alone.
    pub(crate) events_from: usize,
    /// Whether the key of hashes is a bind.
    pub(crate) needs_key: bool,
    /// Whether rows without columns come back, one for each row that was changed.
    pub(crate) counts_by_rows: bool,
}

pub(crate) fn splice(splice: &Splice<'_>) -> Option<Spliced> {
    splice.spliced()
}

impl Splice<'_> {
    fn spliced(&self) -> Option<Spliced> {
        let first = self.captures.first()?;
        let needs_key = self.captures.iter().any(needs_key);
        let mut parts = vec![self.context(first, needs_key)];
        if self.locks() {
            parts.push(self.locked(first)?);
        }
        parts.push(self.rows(first)?);
        let with = match &self.write.with {
            Some(with) => format!("{}, ", self.statement.text.get(with.clone())?),
            None => "WITH ".to_owned(),
        };
        let events_from = with.len() + parts.join(SEPARATOR).len();
        let mut inserts: Vec<String> = self.captures.iter().map(|it| self.events(it)).collect();
        // As many events as rows are counted by the server itself.
        let counts_itself =
            self.write.verb != Verb::Update && self.write.conflict != Conflict::Update;
        let given = match self.outputs {
            [] if counts_itself => inserts.pop()?,
            outputs => format!("SELECT {} FROM \"!rows\"", self.given(outputs)),
        };
        let numbered = inserts.iter().enumerate();
        parts.extend(numbered.map(|(at, insert)| format!("\"!events{at}\" AS ({insert})")));
        Some(Spliced {
            text: format!("{with}{}\n{given}", parts.join(SEPARATOR)),
            events_from,
            needs_key,
            counts_by_rows: self.outputs.is_empty() && !counts_itself,
        })
    }

    fn returns_old(&self) -> bool {
        let version = self.captures.first().map(|it| it.catalog.postgres.version);
        version.is_some_and(|version| version >= RETURNS_OLD)
    }

    /// Whether the rows are locked and read before the statement.
    fn locks(&self) -> bool {
        self.write.verb == Verb::Update && !self.returns_old()
    }

    /// Whether an insert may become an update.
    fn may_update(&self) -> bool {
        self.write.conflict == Conflict::Update
    }

    /// Whether a row may be there without the one before.
    fn may_miss(&self) -> bool {
        !self.returns_old() && (self.locks() || self.may_update())
    }

    fn source(&self, bytes: &std::ops::Range<usize>) -> Option<&str> {
        self.statement.text.get(bytes.clone())
    }

    /// The context of the statement as values under the names of a trigger's. What it reverts are ids,
    /// whose list needs no query to be read.
    fn context(&self, first: &Capture<'_>, needs_key: bool) -> String {
        let bind = self.statement.parameters() + 1;
        let reverts = Postgres.slot(Slot::Reverts);
        let key = if needs_key {
            format!(", decode(nullif(${}::text, ''), 'hex') AS v_key", bind + 1)
        } else {
            String::new()
        };
        let same = self.same_table(first);
        format!(
            "\"!context\" AS MATERIALIZED (SELECT v_context, string_to_array(translate({reverts}, \
             '[]\" ', ''), ',') AS v_reverts{key}{same} FROM (SELECT string_to_array(nullif(${bind}::text, ''), E'\\x1f', '') AS v_context \
             OFFSET 0) AS \"!given\")"
        )
    }

    /// Fails where a name without a schema means another table than the catalog's, such as a
    /// temporary one. The server finds that out when it plans, and not again when it runs.
    fn same_table(&self, capture: &Capture<'_>) -> String {
        if self.write.name.schema.is_some() {
            return String::new();
        }
        let (named, table) = (name(&self.write.name.table), table(capture));
        let told = format!("audit: {named} is not {table} on this connection; name its schema");
        format!(
            ", CAST(CASE WHEN {}::regclass = {}::regclass THEN '0' ELSE {} END AS integer)",
            text(&named),
            text(&table),
            text(&told)
        )
    }

    /// A row as one value of the type of its table. A name alone would mean a column of that name,
    /// where there is one.
    fn whole(capture: &Capture<'_>, row: &str) -> String {
        format!("CAST(ROW({row}.*) AS {})", table(capture))
    }

    /// The rows as they are before, locked so that they stay so.
    fn locked(&self, capture: &Capture<'_>) -> Option<String> {
        let alias = self.source(&self.write.alias)?;
        let only = if self.write.only { "ONLY " } else { "" };
        let mut from = format!("{only}{}", table(capture));
        // With a name of its own, columns behind its schema would not be known.
        if !self.write.is_called(&self.write.name.table) {
            from = format!("{from} AS {alias}");
        }
        let key: Vec<String> = key(capture).map(|key| format!("({OLD}).{key}")).collect();
        let distinct = match &self.write.from {
            Some(others) => {
                from = format!("{from}, {}", self.source(others)?);
                format!("DISTINCT ON ({}) ", key.join(", "))
            }
            None => String::new(),
        };
        let condition = match &self.write.condition {
            Some(condition) => format!(" WHERE {}", self.source(condition)?),
            None => String::new(),
        };
        Some(format!(
            "\"!locked\" AS MATERIALIZED (SELECT {distinct}{OLD} FROM (SELECT {} AS {OLD} FROM \
             {from}{condition}\nFOR NO KEY UPDATE OF {alias}) AS \"!found\")",
            Self::whole(capture, alias)
        ))
    }

    /// The statement itself.
    fn rows(&self, capture: &Capture<'_>) -> Option<String> {
        let write = self.write;
        let mut body = self.source(&write.body)?.to_owned();
        if self.locks() {
            // Asked once and before anything else, so that the rows are locked by then.
            let barrier = "(SELECT count(*) FROM \"!locked\") >= 0";
            body = match &write.condition {
                Some(condition) => format!(
                    "{}({}\n) AND {barrier}",
                    self.source(&(write.body.start..condition.start))?,
                    self.source(condition)?
                ),
                None => format!("{body}\nWHERE {barrier}"),
            };
        }
        let alias = self.source(&write.alias)?;
        let old_and_new = self.returns_old() && (write.verb == Verb::Update || self.may_update());
        let says_either = write.returning.as_ref().is_some_and(|bytes| {
            self.statement.has_name("old", bytes) || self.statement.has_name("new", bytes)
        });
        let mut list: Vec<String> = Vec::new();
        for (at, output) in self.outputs.iter().enumerate() {
            if let Output::Value { expression, .. } = output {
                list.push(format!("{expression} AS \"!{at}\""));
            }
        }
        let mut aliases = "";
        if old_and_new {
            let (old, new) = if says_either {
                ("old", "new")
            } else {
                aliases = "WITH (OLD AS \"!old\", NEW AS \"!new\") ";
                (OLD, NEW)
            };
            list.push(format!(
                "CASE WHEN {old}.ctid IS NOT NULL THEN {} END AS {OLD}",
                Self::whole(capture, old)
            ));
            list.push(format!("{} AS {NEW}", Self::whole(capture, new)));
        } else {
            let row = if write.verb == Verb::Delete { OLD } else { NEW };
            list.push(format!("{} AS {row}", Self::whole(capture, alias)));
            if self.may_update() {
                list.push(format!("{alias}.xmin AS \"!xmin\""));
                list.push(format!("{alias}.xmax = 0 AS \"!inserted\""));
            }
        }
        Some(format!(
            "\"!rows\" AS ({body}\nRETURNING {aliases}{})",
            list.join(", ")
        ))
    }

    /// What the statement would have given back.
    fn given(&self, outputs: &[Output]) -> String {
        let given = outputs.iter().enumerate().map(|(at, output)| match output {
            Output::Value { name: shown, .. } => format!("\"!rows\".\"!{at}\" AS {}", name(shown)),
            Output::Row(Image::Old) => format!("(\"!rows\".{OLD}).*"),
            Output::Row(Image::New) => format!("(\"!rows\".{NEW}).*"),
            Output::Row(Image::Given) if self.write.verb == Verb::Delete => {
                format!("(\"!rows\".{OLD}).*")
            }
            Output::Row(Image::Given) => format!("(\"!rows\".{NEW}).*"),
        });
        given.collect::<Vec<_>>().join(", ")
    }

    /// The rows of one kind of change, as `"!old"` and `"!new"`.
    fn changes(&self, capture: &Capture<'_>) -> String {
        let is_insert = capture.operation == Operation::Insert;
        if self.locks() {
            // Neither side of a full join is read again for every row of the other, whatever the
            // server expects of their numbers.
            let pairs: Vec<String> = key(capture)
                .map(|key| format!("(\"!locked\".{OLD}).{key} = (\"!rows\".{NEW}).{key}"))
                .collect();
            return format!(
                "(SELECT \"!locked\".{OLD}, \"!rows\".{NEW} FROM \"!rows\" FULL JOIN \"!locked\" \
                 ON {} OFFSET 0) AS \"!row\"",
                pairs.join(" AND ")
            );
        }
        match (self.may_update(), self.returns_old(), is_insert) {
            (true, true, true) => changes_where(&format!("{OLD} IS NOT DISTINCT FROM NULL")),
            (true, true, false) => changes_where(&format!("{OLD} IS DISTINCT FROM NULL")),
            (true, false, true) => changes_where("\"!inserted\""),
            (true, false, false) => {
                // As the statement saw it at its start; another may have changed it since.
                let pairs: Vec<String> = key(capture)
                    .map(|key| format!("\"!then\".{key} = (\"!rows\".{NEW}).{key}"))
                    .collect();
                format!(
                    "(SELECT \"!before\".{OLD}, \"!rows\".{NEW}, coalesce(\"!before\".\"!xmax\" = \
                     \"!rows\".\"!xmin\", false) AS \"!exact\" FROM \"!rows\" LEFT JOIN LATERAL \
                     (SELECT {} AS {OLD}, \"!then\".xmax AS \"!xmax\" FROM {} AS \"!then\" WHERE \
                     {} OFFSET 0) AS \"!before\" ON true WHERE NOT \"!inserted\" OFFSET 0) AS \
                     \"!row\"",
                    Self::whole(capture, "\"!then\""),
                    table(capture),
                    pairs.join(" AND ")
                )
            }
            (false, ..) => "\"!rows\" AS \"!row\"".to_owned(),
        }
    }

    /// The statement that writes the events of one kind of change.
    fn events(&self, capture: &Capture<'_>) -> String {
        let (old, new) = sides(capture.operation);
        let may_miss = capture.operation == Operation::Update && self.may_miss();
        let exact = match (may_miss, self.may_update()) {
            (false, _) => None,
            (true, true) => Some("CASE WHEN NOT v_exact THEN false END".to_owned()),
            (true, false) => Some("CASE WHEN v_missing THEN false END".to_owned()),
        };
        let moment = Moment {
            time: "v_time",
            micros: "v_micros",
            record: "v_record",
            before: old.map(|_| clipped(capture, "v_before")),
            after: new.map(|_| clipped(capture, "v_after")),
            before_exact: exact,
            source: Source::Inline,
        };
        let (names, values) = event(capture, moment);
        let flags = match (may_miss, self.may_update()) {
            (false, _) => String::new(),
            (true, true) => ", \"!row\".\"!exact\" AS v_exact".to_owned(),
            (true, false) => {
                format!(", \"!row\".{OLD} IS NOT DISTINCT FROM NULL AS v_missing")
            }
        };
        // A row that was locked and is not changed after all.
        let changed = match self.locks() {
            true => format!(" WHERE \"!row\".{NEW} IS DISTINCT FROM NULL"),
            false => String::new(),
        };
        let micros = micros("v_time");
        format!(
            "INSERT INTO audit.audit_logs ({names}) SELECT {values} FROM (SELECT \"!seen\".*, \
             {micros} AS v_micros FROM (SELECT \"!context\".v_context, \"!context\".v_reverts, \
             \"!read\".*, clock_timestamp() AS v_time{flags} FROM {} CROSS JOIN \"!context\" CROSS \
             JOIN LATERAL ({}) AS \"!read\"{changed}) AS \"!seen\") AS \"!event\"",
            self.changes(capture),
            self.reading(capture, may_miss),
        )
    }

    /// What an event tells of a row: as the triggers do, by the columns that are known, and by the
    /// catalog when the table has others by now.
    fn reading(&self, capture: &Capture<'_>, may_miss: bool) -> String {
        let relation = format!("{}::regclass", text(&table(capture)));
        let is_update = capture.operation == Operation::Update;
        let varies = capture.table.columns.iter().any(depends_on_settings);
        let known = (is_update || looks_for_newer_columns(capture) || !varies)
            .then(|| fits(capture, &relation));
        let read = match is_update {
            true => read_update(capture, known.as_deref(), may_miss),
            false => read_one(capture, known.as_deref()),
        };
        let Some(known) = known else {
            return read;
        };
        let (old, new) = sides(capture.operation);
        let key = if needs_key(capture) { "v_key" } else { "NULL" };
        let side = |side: Option<&str>, row| if side.is_some() { row } else { "NULL" };
        let drifted = format!(
            "audit.drifted({relation}, {}, {}, {}, {key}, {}) AS d WHERE NOT ({known})",
            side(old, OLD),
            side(new, NEW),
            text(&rule::to_json(capture).to_string()),
            images_wanted(),
        );
        let columns = match capture.operation {
            Operation::Update => {
                "d.record_id, d.previous_record_id, d.before_data, d.after_data, d.changed_fields"
            }
            Operation::Insert => "d.record_id, d.after_data",
            _ => "d.record_id, d.before_data",
        };
        format!("{read} UNION ALL SELECT {columns} FROM {drifted}")
    }
}

/// Holds while the table has no column that is newer than its catalog. The server asks once for a plan,
/// and leaves out what is not to happen.
fn fits(capture: &Capture<'_>, relation: &str) -> String {
    format!("audit.fits({relation}, {})", capture.table.last_number)
}

fn changes_where(condition: &str) -> String {
    format!("(SELECT * FROM \"!rows\" WHERE {condition}) AS \"!row\"")
}

/// The table by its schema, which no name in a WITH can take the place of.
fn table(capture: &Capture<'_>) -> String {
    let schema = capture.table.schema.as_deref().unwrap_or_default();
    format!("{}.{}", name(schema), name(&capture.table.name))
}

/// The columns of the key.
fn key(capture: &Capture<'_>) -> impl Iterator<Item = String> {
    capture.table.key.iter().map(|column| name(column))
}

/// What is told of a row that came or went.
fn read_one(capture: &Capture<'_>, known: Option<&str>) -> String {
    let (place, image) = match capture.operation {
        Operation::Insert => (NEW, "v_after"),
        _ => (OLD, "v_before"),
    };
    let row = Row::in_statement(capture, place);
    let condition = known.map(|known| format!(" WHERE {known}"));
    format!(
        "SELECT {} AS v_record, CASE WHEN {} THEN {} END AS {image}{}",
        row.record_id(),
        images_wanted(),
        row.image(),
        condition.unwrap_or_default()
    )
}

/// What is told of a row that changed, if it is told.
fn read_update(capture: &Capture<'_>, known: Option<&str>, may_miss: bool) -> String {
    let (old, new) = (
        Row::in_statement(capture, OLD),
        Row::in_statement(capture, NEW),
    );
    let (deciding, noted) = capture.compared_columns();
    let records_unchanged = capture.rule.records_unchanged();
    let mut all = "v_decided".to_owned();
    if !noted.is_empty() {
        all = format!("{all} || {}", changed(&noted, OLD_ROW, NEW_ROW));
    }
    if records_unchanged {
        all = format!("nullif({all}, '{{}}')");
    }
    let is_paired = format!("{OLD} IS DISTINCT FROM NULL");
    let if_paired = |value: String| match may_miss {
        true => format!("CASE WHEN {is_paired} THEN {value} END"),
        false => value,
    };
    let changes_only = capture.rule.snapshot() == Snapshot::Changed;
    let after = match (changes_only, may_miss) {
        (false, _) => new.image(),
        (true, false) => new.changed_image(),
        (true, true) => format!(
            "CASE WHEN {is_paired} THEN {} ELSE {} END",
            new.changed_image(),
            new.image()
        ),
    };
    let before = if changes_only {
        old.changed_image()
    } else {
        old.image()
    };
    let mut conditions: Vec<String> = known.map(str::to_owned).into_iter().collect();
    if !records_unchanged {
        conditions.push("v_decided <> '{}'".to_owned());
    }
    let condition = match conditions.as_slice() {
        [] => "true".to_owned(),
        several => several.join(" AND "),
    };
    let wanted = images_wanted();
    let record = new.record_id();
    format!(
        "SELECT {record} AS v_record, {} AS v_previous, CASE WHEN {wanted} THEN {} END AS \
         v_before, CASE WHEN {wanted} THEN {after} END AS v_after, v_changed FROM (SELECT v_decided, \
         {} AS v_changed FROM (SELECT {} AS v_decided OFFSET 0) AS \"!decided\" OFFSET 0) AS \
         \"!changed\" WHERE {condition}",
        if_paired(format!("nullif({}, {record})", old.record_id())),
        if_paired(before),
        if_paired(all),
        changed(&deciding, OLD_ROW, NEW_ROW),
    )
}
