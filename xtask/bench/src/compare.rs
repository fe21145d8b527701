//! Whether the triggers written by hand record what ours record.

use anyhow::{Result, bail};
use audit_core::schema;

use crate::engine::Engine;
use crate::op::Op;
use crate::site::{Site, Turn, call};

/// Columns that no two runs share.
const OWN: [&str; 2] = ["occurred_at", "id"];

/// The events of a few calls, sorted: columns as texts, transactions as the
/// number of the row in which each came first.
async fn events<DB: Engine>(site: &Site<DB>, op: Op) -> Result<Vec<Vec<Option<String>>>> {
    const CALLS: u64 = 3;
    site.refill(op, 1, CALLS).await?;
    let pool = site.open(1, None).await?;
    for index in 0..CALLS {
        let turn = Turn {
            op,
            task: 0,
            number: index,
            index,
            version: site.version,
        };
        call::<DB>(&*pool, site.variant, turn).await?;
    }
    pool.close().await;
    let columns: Vec<String> = names().map(DB::as_text).collect();
    let sql = format!(
        "SELECT {} FROM {} ORDER BY occurred_at, id",
        columns.join(", "),
        DB::LOG
    );
    let mut rows = DB::read_texts(&site.admin, sql).await?;
    number_transactions(&mut rows);
    measure_fingerprints(&mut rows);
    // MariaDB names the database as schema, and each variant has its own.
    for cell in rows.iter_mut().flatten() {
        if cell.as_deref() == Some(&site.name) {
            *cell = Some("its own".to_owned());
        }
    }
    // Events of one statement may share their microsecond.
    rows.sort_unstable();
    Ok(rows)
}

fn names() -> impl Iterator<Item = &'static str> {
    schema::LOG_COLUMNS
        .iter()
        .map(|column| column.name)
        .filter(|name| !OWN.contains(name))
}

fn number_transactions(rows: &mut [Vec<Option<String>>]) {
    let Some(place) = names().position(|name| name == "transaction_id") else {
        return;
    };
    let mut seen = Vec::new();
    for row in rows {
        if let Some(Some(text)) = row.get_mut(place) {
            let number = seen.iter().position(|known| known == text);
            let number = number.unwrap_or_else(|| {
                seen.push(text.clone());
                seen.len() - 1
            });
            *text = number.to_string();
        }
    }
}

/// What is written by hand knows no fingerprint, but writes one as long as ours.
fn measure_fingerprints(rows: &mut [Vec<Option<String>>]) {
    let Some(place) = names().position(|name| name == "schema_fingerprint") else {
        return;
    };
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(place)) {
        *cell = cell.take().map(|text| format!("{} bytes", text.len()));
    }
}

/// Compares the events of one operation.
pub(crate) async fn compare<DB: Engine>(ours: &Site<DB>, hand: &Site<DB>, op: Op) -> Result<()> {
    let (ours, by_hand) = (events(ours, op).await?, events(hand, op).await?);
    let expected = usize::try_from(op.events() * 3)?;
    if ours.len() != expected || by_hand.len() != expected {
        bail!(
            "{} left {} events and {} by hand, not {expected}",
            op.name(),
            ours.len(),
            by_hand.len()
        );
    }
    for (number, (ours, by_hand)) in ours.iter().zip(&by_hand).enumerate() {
        for ((name, ours), by_hand) in names().zip(ours).zip(by_hand) {
            if ours != by_hand {
                bail!(
                    "event {number} of {} differs in `{name}`: {ours:?}, by hand {by_hand:?}",
                    op.name()
                );
            }
        }
    }
    Ok(())
}
