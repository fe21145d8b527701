//! The functions that the triggers written by hand call. Nothing here is shared with the
//! functions under test.
#![expect(
    unsafe_code,
    reason = "connections of other libraries are lent to rusqlite, which has no safe way to take one"
)]

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::auto_extension::{init_auto_extension, register_auto_extension};
use rusqlite::ffi;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, Value};
use sqlx::{Executor, SqliteConnection};
use uuid::Uuid;

use crate::variant::Variant;

/// The triggers of a connection.
pub(crate) const TRIGGERS: &str = include_str!("../../limit/sqlite.sql");

#[derive(Debug, Default)]
struct State {
    stamp: String,
    /// Where each slot starts and ends.
    slots: Vec<(usize, usize)>,
    transaction: Option<String>,
}

type Shared = Arc<Mutex<State>>;

/// Puts functions and triggers on a connection of sqlx.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    variant: Variant,
) -> Result<(), sqlx::Error> {
    {
        let mut handle = connection.lock_handle().await?;
        // SAFETY: the handle is locked, so nobody else uses the connection meanwhile, and
        // rusqlite does not close what it was lent.
        let lent = unsafe { rusqlite::Connection::from_handle(handle.as_raw_handle().as_ptr()) };
        lent.and_then(|lent| define(&lent))
            .map_err(|error| sqlx::Error::Configuration(Box::new(error)))?;
    }
    if variant.has_log() {
        connection.execute(TRIGGERS).await?;
    }
    Ok(())
}

thread_local! {
    /// Whether a connection that is opened on this thread gets the functions.
    static BY_HAND: Cell<bool> = const { Cell::new(false) };
}

/// Opens a connection of a library that hands out no handle, with the functions on it.
///
/// # Errors
/// When SQLite has no memory for the registration.
pub(crate) fn opened<T>(open: impl FnOnce() -> T) -> Result<T, rusqlite::Error> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    // SAFETY: the extension opens and closes no connection and registers no other.
    let register = || unsafe { register_auto_extension(extension) }.is_ok();
    if !REGISTERED.get_or_init(register) {
        let error = ffi::Error::new(ffi::SQLITE_NOMEM);
        return Err(rusqlite::Error::SqliteFailure(error, None));
    }
    BY_HAND.set(true);
    let opened = open();
    BY_HAND.set(false);
    Ok(opened)
}

/// Runs for every new connection, on the thread that opens it.
unsafe extern "C" fn extension(
    database: *mut ffi::sqlite3,
    message: *mut *mut c_char,
    _routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    if !BY_HAND.get() {
        return ffi::SQLITE_OK;
    }
    // SAFETY: SQLite passes a connection that nobody else has yet, and rusqlite does not close
    // what it was lent.
    unsafe { init_auto_extension(database, message, |connection| define(&connection)) }
}

/// A transaction that commits has had its id.
unsafe extern "C" fn forget(state: *mut c_void) -> c_int {
    // SAFETY: `define` passes a state that lives as long as the connection.
    let state = unsafe { &*state.cast::<Mutex<State>>() };
    with(state, |state| state.transaction = None);
    0
}

fn with<T>(state: &Mutex<State>, work: impl FnOnce(&mut State) -> T) -> T {
    work(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
}

fn define(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let state = Shared::default();
    let kept = Arc::as_ptr(&state).cast_mut().cast::<c_void>();
    // SAFETY: the functions below own the state until the connection closes, and none of them is
    // replaced.
    unsafe { ffi::sqlite3_commit_hook(connection.handle(), Some(forget), kept) };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let shared = Arc::clone(&state);
    connection.create_scalar_function("limit_stamp", 1, flags, move |context| {
        let text = context.get_raw(0).as_str()?;
        with(&shared, |state| state.set(text));
        Ok(Value::Null)
    })?;
    let shared = Arc::clone(&state);
    connection.create_scalar_function("limit_clear", 0, flags, move |context| {
        with(&shared, |state| state.set(""));
        is_in_transaction(context)
    })?;
    let shared = Arc::clone(&state);
    connection.create_scalar_function("limit_slot", 1, flags, move |context| {
        let number: i64 = context.get(0)?;
        Ok(with(&shared, |state| {
            state.slot(usize::try_from(number).unwrap_or(0))
        }))
    })?;
    let shared = Arc::clone(&state);
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
