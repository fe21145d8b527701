//! What a run gives out: one line a variant.

use serde::Serialize;

/// One line. The names are those of the JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) database: String,
    pub(crate) adapter: &'static str,
    pub(crate) op: &'static str,
    pub(crate) variant: &'static str,
    pub(crate) connections: u64,
    /// To bare: the median of the rounds, and the quartiles.
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// From checkout to result.
    pub(crate) round_trips: f64,
    pub(crate) release_round_trips: f64,
    /// Of the audit tables, for each event.
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio_to_limit: Option<f64>,
    /// To `stamped`, for the gates.
    #[serde(skip)]
    pub(crate) ratio_to_stamped: Option<f64>,
    /// To `floor`, for the gates.
    #[serde(skip)]
    pub(crate) ratio_to_floor: Option<f64>,
    /// Of the bare variant, in microseconds a call.
    #[serde(skip)]
    pub(crate) micros: f64,
}

/// The lines as a table.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "database",
        "adapter",
        "op",
        "c",
        "variant",
        "µs",
        "ratio",
        "quartiles",
        "to limit",
        "trips",
        "release",
        "bytes",
    ]);
    for line in lines {
        table.add_row([
            line.database.clone(),
            line.adapter.to_owned(),
            line.op.to_owned(),
            line.connections.to_string(),
            line.variant.to_owned(),
            format!("{:.0}", line.micros),
            format!("{:.2}", line.ratio),
            format!("{:.2}-{:.2}", line.low, line.high),
            line.ratio_to_limit
                .map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            line.round_trips.to_string(),
            line.release_round_trips.to_string(),
            line.bytes.to_string(),
        ]);
    }
    table.to_string()
}
