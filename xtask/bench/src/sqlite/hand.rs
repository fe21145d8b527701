//! The functions that the triggers written by hand call. Nothing here is shared with the
//! functions under test.
#![expect(
    unsafe_code,
    reason = "a connection of sqlx is lent to rusqlite, which has no safe way to take one"
)]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, Value};
use sqlx::{Executor, SqliteConnection};
use uuid::Uuid;

use crate::variant::Variant;

const TRIGGERS: &str = include_str!("../../limit/sqlite.sql");

#[derive(Debug, Default)]
struct State {
    stamp: String,
    /// Where each slot starts and ends.
    slots: Vec<(usize, usize)>,
    transaction: Option<String>,
}

type Shared = Arc<Mutex<State>>;

/// Puts functions and triggers on a connection.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    variant: Variant,
) -> Result<(), sqlx::Error> {
    let state = Shared::default();
    {
        let mut handle = connection.lock_handle().await?;
        let ended = Arc::clone(&state);
        handle.set_commit_hook(move || {
            with(&ended, |state| state.transaction = None);
            true
        });
        // SAFETY: the handle is locked, so nobody else uses the connection meanwhile, and
        // rusqlite does not close what it was lent.
        let lent = unsafe { rusqlite::Connection::from_handle(handle.as_raw_handle().as_ptr()) };
        lent.and_then(|lent| define(&lent, &state))
            .map_err(|error| sqlx::Error::Configuration(Box::new(error)))?;
    }
    if variant.has_log() {
        connection.execute(TRIGGERS).await?;
    }
    Ok(())
}

fn with<T>(state: &Shared, work: impl FnOnce(&mut State) -> T) -> T {
    work(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
}

fn define(connection: &rusqlite::Connection, state: &Shared) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let shared = Arc::clone(state);
    connection.create_scalar_function("limit_stamp", 1, flags, move |context| {
        let text = context.get_raw(0).as_str()?;
        with(&shared, |state| state.set(text));
        Ok(Value::Null)
    })?;
    let shared = Arc::clone(state);
    connection.create_scalar_function("limit_clear", 0, flags, move |context| {
        with(&shared, |state| state.set(""));
        is_in_transaction(context)
    })?;
    let shared = Arc::clone(state);
    connection.create_scalar_function("limit_slot", 1, flags, move |context| {
        let number: i64 = context.get(0)?;
        Ok(with(&shared, |state| {
            state.slot(usize::try_from(number).unwrap_or(0))
        }))
    })?;
    let shared = Arc::clone(state);
    connection.create_scalar_function("limit_transaction", 0, flags, move |_| {
        Ok(with(&shared, |state| {
            let fresh = || Uuid::now_v7().simple().to_string();
            state.transaction.get_or_insert_with(fresh).clone()
        }))
    })?;
    connection.create_scalar_function("limit_now", 0, flags, |_| Ok(now()))?;
    connection.create_scalar_function("limit_id", 0, flags, |_| {
        Ok(ToSqlOutput::Owned(Value::Blob(
            Uuid::now_v7().into_bytes().to_vec(),
        )))
    })
}

fn is_in_transaction(context: &Context<'_>) -> rusqlite::Result<bool> {
    // SAFETY: the connection lives as long as the call.
    let connection = unsafe { context.get_connection()? };
    Ok(!connection.is_autocommit())
}

impl State {
    fn set(&mut self, text: &str) {
        self.stamp.clear();
        self.stamp.push_str(text);
        self.slots.clear();
        let mut start = 0;
        for part in text.split('\u{1f}') {
            self.slots.push((start, start + part.len()));
            start += part.len() + 1;
        }
    }

    fn slot(&self, number: usize) -> Option<String> {
        let (start, end) = self.slots.get(number.checked_sub(1)?)?;
        let text = self.stamp.get(*start..*end)?;
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// The time in UTC to the microsecond.
fn now() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = since.as_secs();
    // Days into a date, after Hinnant's `civil_from_days`.
    let z = seconds / 86_400 + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    let year = yoe + era * 400 + u64::from(month <= 2);
    let rest = seconds % 86_400;
    let mut text = String::with_capacity(27);
    let _ = write!(
        text,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60,
        since.subsec_micros()
    );
    text
}
