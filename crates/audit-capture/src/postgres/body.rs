//! The bodies of the functions that triggers call.

use std::fmt::Write as _;

use audit_core::stamp::Slot;
use audit_core::{Operation, Snapshot, Source};

use crate::catalog::TableKind;
use crate::event_row::{self, Expressions, RowExpressions, Subject};
use crate::plan::Capture;

use super::expression::{Postgres, Row, changed, event_id, micros, needs_key, shows_whole_rows};
use super::trigger::root_trigger;
use super::{POSTGRES_DENIED, rule, text};

/// The table of events.
const LOG: &str = "audit.audit_logs";

/// The name of the transition table.
pub(super) const ROWS: &str = "\"!rows\"";

/// A row of the transition table.
const ROW: &str = "\"!row\"";

/// The start of every body: the names of variables win over those of columns.
const START: &str = "
#variable_conflict use_variable
DECLARE
    v_context text[] := string_to_array(nullif(current_setting('audit.context', true), ''), \
    E'\\x1f', '');
    v_time timestamptz := clock_timestamp();
    v_reverts text[];
";

/// What the functions of rows declare beside it.
const ROW_VARIABLES: &str = "    v_known boolean := false;
    v_record text;
    v_previous text;
    v_before json;
    v_after json;
    v_changed text[];
";

fn declarations(capture: &Capture<'_>, more: &str) -> String {
    let key = if needs_key(capture) {
        "    v_key bytea := decode(nullif(current_setting('audit.key', true), ''), 'hex');\n"
    } else {
        ""
    };
    let micros = micros("v_time");
    // A query inside the statement that writes the event would be set up for every row.
    let reverts = Slot::Reverts;
    let reverts = format!(
        "    IF {} IS NOT NULL THEN
        v_reverts := {};
    END IF;\n",
        Postgres.slot(reverts),
        Postgres.list_slot(reverts)
    );
    format!("{START}    v_micros bigint := {micros};\n{key}{more}BEGIN\n{reverts}")
}

/// Refuses a write without a context where the settings ask for it; `rows` holds when there is
/// something to refuse.
fn refusal(capture: &Capture<'_>, rows: &str) -> String {
    if !capture.denies_missing_context() {
        return String::new();
    }
    format!(
        "    IF {} IS NULL{rows} THEN
        RAISE EXCEPTION USING ERRCODE = '{POSTGRES_DENIED}', MESSAGE = {};
    END IF;\n",
        Postgres.slot(Slot::ActorKind),
        text(crate::MISSING_CONTEXT)
    )
}

/// Leaves when the table has become a partition and has the triggers of its root, which write the
/// same: those of its own stay until the next `migrate`.
fn give_way(capture: &Capture<'_>) -> String {
    if capture.table.kind == TableKind::Partitioned {
        return String::new();
    }
    format!(
        "    IF pg_partition_root(tg_relid) IS NOT NULL THEN
        IF EXISTS (
            SELECT FROM pg_trigger AS t WHERE t.tgrelid = tg_relid AND t.tgname = {}
        ) THEN
            RETURN NULL;
        END IF;
    END IF;\n",
        text(&root_trigger(capture.operation))
    )
}

/// Whether the images are wanted.
pub(super) fn images_wanted() -> String {
    format!("{} IS NULL", Postgres.slot(Slot::Suppress))
}

/// The two limits and the shorter of them, as the server counts.
fn limits(capture: &Capture<'_>) -> (i32, i32, i32) {
    let bytes = |limit: usize| i32::try_from(limit).unwrap_or(i32::MAX);
    let limits = capture.audit.limits();
    let (cell, image) = (bytes(limits.max_cell_bytes), bytes(limits.max_image_bytes));
    (cell, image, cell.min(image))
}

/// Whether an image may be beyond the limits, without a copy of it as text: its size, of which a few
/// bytes are the server's. `audit.clipped` looks closer.
fn may_be_long(image: &str, least: i32) -> String {
    format!("pg_column_size({image}) > {least}")
}

/// An image within the limits.
pub(super) fn clipped(capture: &Capture<'_>, image: &str) -> String {
    let (cell, whole, least) = limits(capture);
    let long = may_be_long(image, least);
    format!("CASE WHEN {long} THEN audit.clipped({image}, {cell}, {whole}) ELSE {image} END")
}

/// The same as a statement.
fn clip(capture: &Capture<'_>, image: &str) -> String {
    let (cell, whole, least) = limits(capture);
    let long = may_be_long(image, least);
    format!(
        "    IF {long} THEN
        {image} := audit.clipped({image}, {cell}, {whole});
    END IF;\n"
    )
}

/// What differs between the statements that write an event.
pub(super) struct Moment<'a> {
    pub(super) time: &'a str,
    pub(super) micros: &'a str,
    pub(super) record: &'a str,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) before_exact: Option<String>,
    pub(super) source: Source,
}

impl Moment<'_> {
    /// The moment of a row function, whose values are in variables.
    fn of_variables(operation: Operation) -> Self {
        let (old, new) = sides(operation);
        Self {
            time: "v_time",
            micros: "v_micros",
            record: "v_record",
            before: old.map(|_| "v_before".to_owned()),
            after: new.map(|_| "v_after".to_owned()),
            before_exact: None,
            source: Source::Trigger,
        }
    }
}

/// The columns of an event and their values.
pub(super) fn event(capture: &Capture<'_>, moment: Moment<'_>) -> (String, String) {
    let redacted = capture.redacted_fields();
    let is_update = capture.operation == Operation::Update;
    let subject = Subject {
        source: moment.source,
        ..Subject::of(capture, &redacted)
    };
    let row = RowExpressions {
        occurred_at: moment.time.to_owned(),
        id: event_id(moment.micros),
        transaction_id: "pg_current_xact_id()::text".to_owned(),
        record_id: moment.record.to_owned(),
        previous_record_id: is_update.then(|| "v_previous".to_owned()),
        before_data: moment.before,
        after_data: moment.after,
        changed_fields: is_update.then(|| "v_changed".to_owned()),
        before_exact: moment.before_exact,
        reverts: Some("v_reverts".to_owned()),
    };
    let columns = event_row::columns(&Postgres, subject, row);
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    (names.join(", "), values.join(", "))
}

/// Which rows an operation has.
pub(super) fn sides(operation: Operation) -> (Option<&'static str>, Option<&'static str>) {
    match operation {
        Operation::Insert => (None, Some("new")),
        Operation::Delete => (Some("old"), None),
        _ => (Some("old"), Some("new")),
    }
}

/// How many numbers behind the last one are looked at: a column that is added and dropped again
/// uses up its number for good.
const NEWER: i16 = 3;

/// The table of a trigger, or its root.
fn relation(capture: &Capture<'_>) -> &'static str {
    match capture.table.kind {
        TableKind::Partitioned => "coalesce(pg_partition_root(tg_relid), tg_relid)",
        _ => "tg_relid",
    }
}

/// Holds while the table has no column that is newer than its catalog, without a query: the
/// function gives NULL for a column that is not there.
pub(super) fn has_no_newer_column(capture: &Capture<'_>, relation: &str) -> String {
    let last = capture.table.last_number;
    let missing: Vec<String> = (1..=NEWER)
        .map(|next| last.saturating_add(next))
        .map(|next| format!("has_column_privilege({relation}, {next}::int2, 'SELECT') IS NULL"))
        .collect();
    missing.join(" AND ")
}

/// The first version whose tables can have columns that the server computes on reading.
const VIRTUAL_COLUMNS: u32 = 180_000;

/// Whether a column that is newer than the trigger would be missing from the images, or be in them
/// with a value that it does not have.
pub(super) fn looks_for_newer_columns(capture: &Capture<'_>) -> bool {
    !shows_whole_rows(capture) || capture.catalog.postgres.version >= VIRTUAL_COLUMNS
}

/// The values of one row as `audit.drifted` finds them.
fn drifted(capture: &Capture<'_>, old: Option<&str>, new: Option<&str>) -> String {
    let key = if needs_key(capture) { "v_key" } else { "NULL" };
    format!(
        "SELECT d.record_id, d.previous_record_id, d.before_data, d.after_data, d.changed_fields
        INTO v_record, v_previous, v_before, v_after, v_changed
        FROM audit.drifted(tg_relid, {}, {}, {}, {key}, {}) AS d;",
        old.unwrap_or("NULL"),
        new.unwrap_or("NULL"),
        text(&rule::to_json(capture).to_string()),
        images_wanted(),
    )
}

/// Fills `v_changed`, and leaves when no column that decides has changed.
fn compare(capture: &Capture<'_>) -> String {
    let (deciding, noted) = capture.compared_columns();
    let decides_alone = deciding.len() == capture.table.columns.len();
    let mut text = format!(
        "            v_changed := {};\n",
        changed(&deciding, "old", "new")
    );
    if !decides_alone && !capture.rule.records_unchanged() {
        text.push_str(
            "            IF v_changed = '{}' THEN
                RETURN NULL;
            END IF;\n",
        );
    }
    if !noted.is_empty() {
        let _ = writeln!(
            text,
            "            v_changed := v_changed || {};",
            changed(&noted, "old", "new")
        );
    }
    text
}

/// The function of a row trigger. Its inner block writes nothing: it reads columns by name, and
/// gives way to the catalog when one of them was dropped, renamed or has another type by now.
pub(super) fn of_row(capture: &Capture<'_>) -> String {
    let (old, new) = sides(capture.operation);
    let is_update = capture.operation == Operation::Update;
    let row = |place| Row::in_function(capture, place);
    let image = |place| {
        if is_update && capture.rule.snapshot() == Snapshot::Changed {
            row(place).changed_image()
        } else {
            row(place).image()
        }
    };
    let mut body = declarations(capture, ROW_VARIABLES);
    body.push_str(&give_way(capture));
    body.push_str(&refusal(capture, ""));
    let known = if is_update || looks_for_newer_columns(capture) {
        has_no_newer_column(capture, relation(capture))
    } else {
        "true".to_owned()
    };
    let _ = write!(body, "    BEGIN\n        IF {known} THEN\n");
    if is_update {
        body.push_str(&compare(capture));
    }
    if let Some(place) = new.or(old) {
        let _ = writeln!(body, "            v_record := {};", row(place).record_id());
    }
    if let (true, Some(old)) = (is_update, old) {
        let previous = row(old).record_id();
        let _ = writeln!(
            body,
            "            v_previous := nullif({previous}, v_record);"
        );
    }
    let _ = writeln!(body, "            IF {} THEN", images_wanted());
    for (place, variable) in [(old, "v_before"), (new, "v_after")] {
        if let Some(place) = place {
            let _ = writeln!(body, "                {variable} := {};", image(place));
        }
    }
    // Nothing that has a name has changed: what has is a column that is newer than the trigger.
    let found = match (is_update, capture.rule.records_unchanged()) {
        (true, false) => "v_changed <> '{}'",
        (true, true) => "v_changed <> '{}' OR NOT old OPERATOR(pg_catalog.*<>) new",
        _ => "true",
    };
    let _ = write!(
        body,
        "            END IF;
            v_known := {found};
        END IF;
    EXCEPTION WHEN undefined_column OR undefined_function OR datatype_mismatch THEN
        v_known := false;
    END;
    IF NOT v_known THEN
        {}
        IF NOT found THEN
            RETURN NULL;
        END IF;
    END IF;\n",
        drifted(capture, old, new)
    );
    for (place, variable) in [(old, "v_before"), (new, "v_after")] {
        if place.is_some() {
            body.push_str(&clip(capture, variable));
        }
    }
    if is_update && capture.rule.records_unchanged() {
        body.push_str("    v_changed := nullif(v_changed, '{}');\n");
    }
    let (names, values) = event(capture, Moment::of_variables(capture.operation));
    let _ = write!(
        body,
        "    INSERT INTO {LOG} ({names})\n    VALUES ({values});\n    RETURN NULL;\nEND\n"
    );
    body
}

/// The function of a statement trigger for INSERT or DELETE: one statement writes the events of
/// all rows.
pub(super) fn of_statement(capture: &Capture<'_>) -> String {
    let (old, new) = sides(capture.operation);
    let row = Row::in_function(capture, ROW);
    let variables = format!("{ROW_VARIABLES}    v_row record;\n");
    let mut body = declarations(capture, &variables);
    body.push_str(&give_way(capture));
    body.push_str(&refusal(
        capture,
        &format!(" AND EXISTS (SELECT FROM {ROWS})"),
    ));
    let mut known: Vec<String> = row
        .named_columns()
        .iter()
        .map(|column| {
            format!(
                "has_column_privilege(tg_relid, {}, 'SELECT') IS NOT NULL",
                text(column)
            )
        })
        .collect();
    if looks_for_newer_columns(capture) {
        known.push(has_no_newer_column(capture, relation(capture)));
    }
    if known.is_empty() {
        known.push("true".to_owned());
    }
    let _ = write!(
        body,
        "    BEGIN
        v_known := {};
    EXCEPTION WHEN undefined_column THEN
        v_known := false;
    END;
    IF v_known THEN\n",
        known.join("\n            AND ")
    );
    body.push_str(&of_all_rows(capture, row));
    let (names, values) = event(capture, Moment::of_variables(capture.operation));
    let typed = old.or(new).map(|_| "v_row.typed");
    let _ = write!(
        body,
        "    ELSE
        FOR v_row IN EXECUTE (
            SELECT format(
                'SELECT row(%s)::%s AS typed FROM {ROWS} AS {ROW}',
                string_agg(CASE a.attgenerated
                    WHEN 'v' THEN 'NULL' ELSE format('{ROW}.%I', a.attname)
                END, ', ' ORDER BY a.attnum),
                tg_relid::regclass
            )
            FROM pg_attribute AS a
            WHERE a.attrelid = tg_relid AND a.attnum > 0 AND NOT a.attisdropped
        )
        LOOP
            {}
            v_time := clock_timestamp();
            v_micros := {};
        {}            INSERT INTO {LOG} ({names})
            VALUES ({values});
        END LOOP;
    END IF;
    RETURN NULL;
END\n",
        drifted(capture, old.and(typed), new.and(typed)),
        micros("v_time"),
        clip(capture, if old.is_some() { "v_before" } else { "v_after" }),
    );
    body
}

/// The statement that writes the events of all rows. They have one time, at which all of them
/// were locked, and ids in the order in which they are written.
fn of_all_rows(capture: &Capture<'_>, row: Row<'_>) -> String {
    let image = clipped(capture, "\"!event\".\"!image\"");
    let (old, new) = sides(capture.operation);
    let moment = Moment {
        time: "v_time",
        micros: "v_micros",
        record: "\"!event\".\"!record\"",
        before: old.map(|_| image.clone()),
        after: new.map(|_| image),
        before_exact: None,
        source: Source::Trigger,
    };
    let (names, values) = event(capture, moment);
    format!(
        "        INSERT INTO {LOG} ({names})
        SELECT {values}
        FROM (
            SELECT {} AS \"!record\", CASE WHEN {} THEN {} END AS \"!image\"
            FROM {ROWS} AS {ROW}
            OFFSET 0
        ) AS \"!event\";\n",
        row.record_id(),
        images_wanted(),
        row.image(),
    )
}

/// The function of TRUNCATE. A partition stays silent when its root is truncated: then the last
/// event of this transaction is that of the root, because the server calls the triggers of the
/// root and of its partitions one after the other.
pub(super) fn of_truncate(capture: &Capture<'_>) -> String {
    let mut body = declarations(capture, "");
    body.push_str(&refusal(capture, ""));
    if capture.table.kind == TableKind::Partitioned {
        let _ = write!(
            body,
            "    IF pg_partition_root(tg_relid) <> tg_relid AND (
        SELECT e.operation = 'TRUNCATE' AND e.table_schema = {} AND e.table_name = {}
        FROM {LOG} AS e
        WHERE e.occurred_at >= transaction_timestamp()
        AND e.transaction_id = pg_current_xact_id()::text
        ORDER BY e.occurred_at DESC, e.id DESC
        LIMIT 1
    ) THEN
        RETURN NULL;
    END IF;\n",
            text(capture.table.schema.as_deref().unwrap_or_default()),
            text(&capture.table.name),
        );
    }
    let moment = Moment {
        time: "v_time",
        micros: "v_micros",
        record: "NULL",
        before: None,
        after: None,
        // One partition alone: which rows are gone, no event tells.
        before_exact: (capture.table.kind == TableKind::Partitioned)
            .then(|| "CASE WHEN pg_partition_root(tg_relid) <> tg_relid THEN false END".to_owned()),
        source: Source::Trigger,
    };
    let (names, values) = event(capture, moment);
    let _ = write!(
        body,
        "    INSERT INTO {LOG} ({names})\n    VALUES ({values});\n    RETURN NULL;\nEND\n"
    );
    body
}
