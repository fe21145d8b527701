//! Schemas, rows and statements drawn from a seed; every batch is replayed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use audit_core::{Dialect, Operation};

use crate::adapter::{Adapter, End};
use crate::database::Server;
use crate::world::{World, alice};

/// The generator of splitmix64 (Steele, Lea, Flood 2014): the same draws for the same seed.
#[derive(Debug)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(crate) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bytes,
    Decimal,
    Double,
    Json,
    Number,
    Text,
    Time,
}

const KINDS: [Kind; 7] = [
    Kind::Bytes,
    Kind::Decimal,
    Kind::Double,
    Kind::Json,
    Kind::Number,
    Kind::Text,
    Kind::Time,
];

impl Kind {
    fn sql(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Bytes, Dialect::Postgres) => "BYTEA",
            (Self::Bytes, _) => "BLOB",
            (Self::Decimal, Dialect::Postgres) => "NUMERIC",
            (Self::Decimal, Dialect::MySql) => "DECIMAL(30,6)",
            (Self::Decimal, _) => "ANY",
            (Self::Double, Dialect::Postgres) => "DOUBLE PRECISION",
            (Self::Double, Dialect::MySql) => "DOUBLE",
            (Self::Double, _) => "REAL",
            (Self::Json, Dialect::Postgres) => "JSON",
            (Self::Json, Dialect::MySql) => "JSON",
            (Self::Number, _) => "BIGINT",
            (Self::Time, Dialect::Postgres) => "TIMESTAMPTZ",
            (Self::Time, Dialect::MySql) => "DATETIME(6)",
            (Self::Text, Dialect::MySql) => "VARCHAR(500)",
            _ => "TEXT",
        }
    }

    fn literal(self, dialect: Dialect, draw: &mut Draw) -> String {
        if draw.below(6) == 0 {
            return "NULL".to_owned();
        }
        match self {
            Self::Bytes => {
                let hex: String = (0..draw.below(9))
                    .map(|_| format!("{:02x}", draw.below(256)))
                    .collect();
                match dialect {
                    Dialect::Postgres => format!("'\\x{hex}'"),
                    _ => format!("x'{hex}'"),
                }
            }
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
            Self::Number => (draw.next().cast_signed() >> draw.below(60)).to_string(),
            Self::Text => {
                let words = [
                    "",
                    "x",
                    " a ",
                    "''quoted''",
                    "Ünï 雪",
                    "NULL",
                    "long ".repeat(60).leak() as &str,
                ];
                format!("'{}'", draw.one_of(&words))
            }
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

/// A table of the drawn schema; `id` is its key.
#[derive(Debug)]
struct Table {
    name: &'static str,
    columns: Vec<(String, Kind)>,
    refers: bool,
}

#[derive(Debug)]
struct Schema {
    dialect: Dialect,
    tables: Vec<Table>,
    action: &'static str,
}

impl Schema {
    fn draw(dialect: Dialect, draw: &mut Draw) -> Self {
        let action = draw.one_of(&["CASCADE", "SET NULL"]);
        let mut tables = Vec::new();
        for name in ["apples", "branches", "cores"] {
            let columns = (0..2 + draw.below(6)).map(|n| (format!("c{n}"), *draw.one_of(&KINDS)));
            tables.push(Table {
                name,
                columns: columns.collect(),
                refers: name == "cores",
            });
        }
        Self {
            dialect,
            tables,
            action,
        }
    }

    fn ddl(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            let _ = write!(
                sql,
                "CREATE TABLE {} (id BIGINT NOT NULL PRIMARY KEY",
                table.name
            );
            for (name, kind) in &table.columns {
                let _ = write!(sql, ", {name} {}", kind.sql(self.dialect));
            }
            if table.refers {
                let _ = write!(
                    sql,
                    ", parent BIGINT, FOREIGN KEY (parent) REFERENCES apples (id) ON DELETE {}",
                    self.action
                );
            }
            sql.push_str(");");
        }
        sql
    }

    fn row(&self, table: &Table, draw: &mut Draw) -> String {
        let mut row = format!("({}", draw.below(40));
        for (_, kind) in &table.columns {
            let _ = write!(row, ", {}", kind.literal(self.dialect, draw));
        }
        if table.refers {
            let _ = write!(
                row,
                ", (SELECT min(id) FROM apples WHERE id >= {})",
                draw.below(40)
            );
        }
        row.push(')');
        row
    }

    fn statement(&self, draw: &mut Draw) -> (&'static str, String) {
        let table = draw.one_of(&self.tables);
        let from = draw.below(40);
        let span = format!("id BETWEEN {from} AND {}", from + draw.below(12));
        match draw.below(10) {
            0..=3 => {
                let rows: Vec<String> = (0..1 + draw.below(4))
                    .map(|_| self.row(table, draw))
                    .collect();
                let kind = if rows.len() > 1 {
                    "multi-row insert"
                } else {
                    "insert"
                };
                (
                    kind,
                    format!("INSERT INTO {} VALUES {}", table.name, rows.join(", ")),
                )
            }
            4..=6 => {
                let (column, kind) = draw.one_of(&table.columns).clone();
                let value = kind.literal(self.dialect, draw);
                (
                    "update",
                    format!("UPDATE {} SET {column} = {value} WHERE {span}", table.name),
                )
            }
            7 => (
                "key change",
                format!("UPDATE {} SET id = id + 100 WHERE {span}", table.name),
            ),
            8 => {
                let row = self.row(table, draw);
                let (column, _) = &table.columns[0];
                let upsert = match self.dialect {
                    Dialect::MySql => {
                        format!("ON DUPLICATE KEY UPDATE {column} = VALUES({column})")
                    }
                    _ => format!("ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}"),
                };
                (
                    "upsert",
                    format!("INSERT INTO {} VALUES {row} {upsert}", table.name),
                )
            }
            _ => ("delete", format!("DELETE FROM {} WHERE {span}", table.name)),
        }
    }
}

/// Some hundreds of drawn statements for each of several drawn schemas.
pub async fn drawn_statements_replay<A: Adapter>(server: Server) {
    let mut made: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in 1..=4 {
        let mut draw = Draw(seed);
        let schema = Schema::draw(server.dialect(), &mut draw);
        let world = World::<A>::with(server, &schema.ddl(), |audit| audit).await;
        for _ in 0..25 {
            let statements: Vec<_> = (0..6).map(|_| schema.statement(&mut draw)).collect();
            let end = [None, Some(End::Commit), Some(End::Rollback)][draw.below(3)];
            let counts = std::cell::RefCell::new(&mut made);
            let count = |kind| *counts.borrow_mut().entry(kind).or_default() += 1;
            let events = world
                .prove(async |adapter| {
                    let texts: Vec<&str> = statements.iter().map(|(_, sql)| sql.as_str()).collect();
                    if let Some(end) = end {
                        count(if end == End::Commit {
                            "transaction"
                        } else {
                            "rollback"
                        });
                        if alice()
                            .scope(adapter.transaction(&texts[..2], end))
                            .await
                            .is_err()
                        {
                            count("error in a transaction");
                        }
                    }
                    for (kind, sql) in &statements[2..] {
                        match alice().scope(adapter.execute(sql)).await {
                            Ok(_) => count(kind),
                            Err(failure) => {
                                assert_eq!(failure.capture, None, "{sql}: {}", failure.message);
                                count("error");
                            }
                        }
                    }
                })
                .await;
            let cascaded = events.iter().filter(|event| {
                let name = event.table_name.as_deref();
                name == Some("cores") && event.operation != Operation::Insert
            });
            *made.entry("event of the referring table").or_default() += cascaded.count();
            *made.entry("event").or_default() += events.len();
        }
    }
    println!("{}: {made:?}", server.name());
    for kind in [
        "multi-row insert",
        "error",
        "rollback",
        "upsert",
        "key change",
        "delete",
    ] {
        assert!(
            made.get(kind).is_some_and(|count| *count > 0),
            "{kind} was never made: {made:?}"
        );
    }
}
