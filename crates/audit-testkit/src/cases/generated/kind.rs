//! What a drawn column holds, and values for it.

use audit_core::Dialect;

use crate::draw::Draw;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bytes,
    Decimal,
    Double,
    Json,
    Number,
    Text,
    Time,
}

pub(super) const KINDS: [Kind; 7] = [
    Kind::Bytes,
    Kind::Decimal,
    Kind::Double,
    Kind::Json,
    Kind::Number,
    Kind::Text,
    Kind::Time,
];

impl Kind {
    pub(super) fn sql(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Bytes, Dialect::Postgres) => "BYTEA",
            (Self::Bytes, _) => "BLOB",
            (Self::Decimal, Dialect::Postgres) => "NUMERIC",
            (Self::Decimal, Dialect::MySql) => "DECIMAL(30,6)",
            (Self::Decimal, _) => "ANY",
            (Self::Double, Dialect::Postgres) => "DOUBLE PRECISION",
            (Self::Double, Dialect::MySql) => "DOUBLE",
            (Self::Double, _) => "REAL",
            (Self::Json, Dialect::Postgres | Dialect::MySql) => "JSON",
            (Self::Number, _) => "BIGINT",
            (Self::Time, Dialect::Postgres) => "TIMESTAMPTZ",
            (Self::Time, Dialect::MySql) => "DATETIME(6)",
            (Self::Text, Dialect::MySql) => "VARCHAR(500)",
            _ => "TEXT",
        }
    }

    pub(super) fn literal(self, dialect: Dialect, draw: &mut Draw) -> String {
        if draw.once_in(6) {
            return "NULL".to_owned();
        }
        match self {
            Self::Bytes => bytes(dialect, draw),
            Self::Decimal => format!("{}.{:06}", draw.below(1_000_000), draw.below(1_000_000)),
            Self::Double => format!(
                "{:e}",
                f64::from(u32::try_from(draw.below(1 << 30)).unwrap()) / 7.0
            ),
            Self::Json => format!(
                "'{{\"a\": [{}, null], \"b\": \"{}\"}}'",
                draw.below(99),
                draw.below(9)
            ),
            Self::Number => (draw.number().cast_signed() >> draw.below(60)).to_string(),
            Self::Text => text(draw),
            Self::Time => format!(
                "'2026-{:02}-{:02} 10:{:02}:00.{:06}'",
                1 + draw.below(12),
                1 + draw.below(28),
                draw.below(60),
                draw.below(1_000_000)
            ),
        }
    }
}

fn bytes(dialect: Dialect, draw: &mut Draw) -> String {
    let hex: String = (0..draw.below(9))
        .map(|_| format!("{:02x}", draw.below(256)))
        .collect();
    match dialect {
        Dialect::Postgres => format!("'\\x{hex}'"),
        _ => format!("x'{hex}'"),
    }
}

fn text(draw: &mut Draw) -> String {
    let long = "long ".repeat(60);
    let words = ["", "x", " a ", "''quoted''", "Ünï 雪", "NULL", &long];
    format!("'{}'", draw.one_of(&words))
}
