//! The bridge to SQLite's C interface.
//!
//! INVARIANTS of the unsafe code in this file:
//! * Each registered function owns one `Arc<Connection>` count as its user data; SQLite hands it
//!   back to `release` exactly once, also when the registration fails.
//! * SQLite calls functions with `argc` valid value pointers that live until the call returns; no
//!   slice made from them outlives the call.
//! * No panic leaves a callback: `guarded` turns one into an SQL error.
#![expect(
    unsafe_code,
    reason = "SQLite's C interface; the invariants are at the top of the file"
)]

use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libsqlite3_sys as ffi;

use crate::functions::{CallError, DEFINITIONS, Definition, Host, Output};
use crate::json::Value;
use crate::state::State;
use crate::watched;

/// SQLite refused to take the functions; the number is its result code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterError(c_int);

impl std::fmt::Display for RegisterError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "sqlite refused the audit functions with result code {}; is it out of memory?",
            self.0
        )
    }
}

impl std::error::Error for RegisterError {}

/// Makes the functions known to every connection that this process opens from now on. Calling it
/// again does nothing.
///
/// # Errors
/// [`RegisterError`] when SQLite has no memory left for the registration.
pub fn register() -> Result<(), RegisterError> {
    static DONE: OnceLock<c_int> = OnceLock::new();
    let code = *DONE.get_or_init(|| {
        // SAFETY: `initialize` has the signature that SQLite calls an extension's entry point
        // with; the binding leaves the arguments out, as the C declaration does.
        unsafe { ffi::sqlite3_auto_extension(Some(initialize)) }
    });
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(RegisterError(code))
    }
}

/// What a function needs to know of its connection.
struct Connection {
    state: Mutex<State>,
    /// How often statements that name the table of `watched` were prepared.
    prepared: Arc<AtomicU64>,
}

/// The user data of one registered function.
struct Registered {
    definition: &'static Definition,
    connection: Arc<Connection>,
}

/// Runs for every new connection.
unsafe extern "C" fn initialize(
    database: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    let connection = Arc::new(Connection {
        state: Mutex::default(),
        prepared: Arc::default(),
    });
    for definition in &DEFINITIONS {
        let data = Box::new(Registered {
            definition,
            connection: Arc::clone(&connection),
        });
        let trust = if definition.direct_only {
            ffi::SQLITE_DIRECTONLY
        } else {
            ffi::SQLITE_INNOCUOUS
        };
        // SAFETY: the name ends in NUL, the user data is released by `release`, and the callback
        // reads it as what it is.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                database,
                definition.name.as_ptr(),
                definition.arguments,
                ffi::SQLITE_UTF8 | trust,
                Box::into_raw(data).cast::<c_void>(),
                Some(call),
                None,
                None,
                Some(release),
            )
        };
        if code != ffi::SQLITE_OK {
            return code;
        }
    }
    // SAFETY: SQLite passes the connection that it opens.
    unsafe { watched::create(database, Arc::clone(&connection.prepared)) }
}

unsafe extern "C" fn release(data: *mut c_void) {
    // SAFETY: `data` came from `Box::into_raw` of a `Registered` and is handed back once.
    drop(unsafe { Box::from_raw(data.cast::<Registered>()) });
}

unsafe extern "C" fn call(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes the user data that this function was registered with.
    let registered = unsafe { &*ffi::sqlite3_user_data(context).cast::<Registered>() };
    let count = usize::try_from(count).unwrap_or(0);
    let arguments: &[*mut ffi::sqlite3_value] = if count == 0 {
        &[]
    } else {
        // SAFETY: SQLite passes `count` valid pointers.
        unsafe { std::slice::from_raw_parts(arguments, count) }
    };
    let output = guarded(|| {
        // SAFETY: each pointer is a value of this call.
        let values: Vec<Value<'_>> = arguments
            .iter()
            .map(|argument| unsafe { read(*argument) })
            .collect();
        let mut state = registered
            .connection
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let host = CallHost {
            context,
            prepared: &registered.connection.prepared,
        };
        (registered.definition.call)(&mut state, &values, &host)
    });
    // SAFETY: `context` is that of this call.
    unsafe { answer(context, output) };
}

fn guarded(work: impl FnOnce() -> Result<Output, CallError>) -> Result<Output, CallError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(CallError::Misused(
        "an audit function failed; please report it",
    )))
}

/// Asks SQLite on behalf of one call.
struct CallHost<'c> {
    context: *mut ffi::sqlite3_context,
    prepared: &'c AtomicU64,
}

impl Host for CallHost<'_> {
    fn random(&self) -> [u8; 6] {
        let mut bytes = [0_u8; 6];
        // SAFETY: SQLite writes six bytes into a buffer of six.
        unsafe { ffi::sqlite3_randomness(6, bytes.as_mut_ptr().cast::<c_void>()) };
        bytes
    }

    fn data_version(&self) -> u32 {
        let mut version: u32 = 0;
        // SAFETY: the context is that of the running call; this opcode writes one unsigned
        // 32-bit number (<https://www.sqlite.org/c3ref/c_fcntl_begin_atomic_write.html>).
        unsafe {
            ffi::sqlite3_file_control(
                ffi::sqlite3_context_db_handle(self.context),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_DATA_VERSION,
                std::ptr::from_mut(&mut version).cast::<c_void>(),
            );
        }
        version
    }

    fn prepared(&self) -> u64 {
        self.prepared.load(Ordering::Relaxed)
    }

    fn is_in_transaction(&self) -> bool {
        // SAFETY: the context is that of the running call.
        unsafe { ffi::sqlite3_get_autocommit(ffi::sqlite3_context_db_handle(self.context)) == 0 }
    }

    fn schema_version(&self) -> Result<i64, CallError> {
        // Not kept between calls: a library that closes its connection expects every statement to
        // be finalized, and SQLite drops what its functions own only once it is closed.
        let mut statement = std::ptr::null_mut();
        // SAFETY: the context is that of the running call; the text ends in NUL; the statement is
        // finalized in every case, and null is a statement to `step` and `finalize` too.
        let (code, version) = unsafe {
            let database = ffi::sqlite3_context_db_handle(self.context);
            let text = c"PRAGMA schema_version".as_ptr();
            let ready = ffi::sqlite3_prepare_v2(
                database,
                text,
                -1,
                &raw mut statement,
                std::ptr::null_mut(),
            );
            let code = match ready {
                ffi::SQLITE_OK => ffi::sqlite3_step(statement),
                refused => refused,
            };
            let version = match code {
                ffi::SQLITE_ROW => ffi::sqlite3_column_int64(statement, 0),
                _ => 0,
            };
            ffi::sqlite3_finalize(statement);
            (code, version)
        };
        match code {
            ffi::SQLITE_ROW => Ok(version),
            refused => Err(CallError::Refused(refused)),
        }
    }
}

/// Reads an argument; the result borrows from it.
///
/// # Safety
/// `argument` must be a value of the running call.
unsafe fn read<'a>(argument: *mut ffi::sqlite3_value) -> Value<'a> {
    // SAFETY: the caller passes a live value; each accessor fits the type that was asked first,
    // and the length is read after the pointer, as SQLite's documentation asks.
    unsafe {
        match ffi::sqlite3_value_type(argument) {
            ffi::SQLITE_INTEGER => Value::Integer(ffi::sqlite3_value_int64(argument)),
            ffi::SQLITE_FLOAT => Value::Real(ffi::sqlite3_value_double(argument)),
            ffi::SQLITE_TEXT => {
                let start = ffi::sqlite3_value_text(argument);
                Value::Text(bytes(start, ffi::sqlite3_value_bytes(argument)))
            }
            ffi::SQLITE_BLOB => {
                let start = ffi::sqlite3_value_blob(argument).cast::<u8>();
                Value::Blob(bytes(start, ffi::sqlite3_value_bytes(argument)))
            }
            _ => Value::Null,
        }
    }
}

/// # Safety
/// `start` must be null or point to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: c_int) -> &'a [u8] {
    let length = usize::try_from(length).unwrap_or(0);
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(start, length) }
}

/// # Safety
/// `context` must be that of the running call.
unsafe fn answer(context: *mut ffi::sqlite3_context, output: Result<Output, CallError>) {
    let length = |bytes: &[u8]| c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
    // SAFETY: SQLite copies texts and blobs before the calls return (SQLITE_TRANSIENT).
    unsafe {
        match output {
            Ok(Output::Null) => ffi::sqlite3_result_null(context),
            Ok(Output::Integer(number)) => ffi::sqlite3_result_int64(context, number),
            Ok(Output::Text(text)) => ffi::sqlite3_result_text(
                context,
                text.as_ptr().cast::<c_char>(),
                length(text.as_bytes()),
                ffi::SQLITE_TRANSIENT(),
            ),
            Ok(Output::TextBytes(bytes)) => ffi::sqlite3_result_text(
                context,
                bytes.as_ptr().cast::<c_char>(),
                length(&bytes),
                ffi::SQLITE_TRANSIENT(),
            ),
            Ok(Output::Real(number)) => ffi::sqlite3_result_double(context, number),
            Ok(Output::Bytes(bytes)) => ffi::sqlite3_result_blob(
                context,
                bytes.as_ptr().cast::<c_void>(),
                length(&bytes),
                ffi::SQLITE_TRANSIENT(),
            ),
            Ok(Output::Blob(blob)) => ffi::sqlite3_result_blob(
                context,
                blob.as_ptr().cast::<c_void>(),
                length(&blob),
                ffi::SQLITE_TRANSIENT(),
            ),
            Err(CallError::Misused(message)) => ffi::sqlite3_result_error(
                context,
                message.as_ptr().cast::<c_char>(),
                length(message.as_bytes()),
            ),
            Err(CallError::Refused(code)) => ffi::sqlite3_result_error_code(context, code),
        }
    }
}
