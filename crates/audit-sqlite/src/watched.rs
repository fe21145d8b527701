//! A table without rows that counts how often statements that name it were prepared.
//!
//! SQLite prepares a statement anew before it runs on another schema than the one that it was
//! prepared for, and asks every virtual table in it for a plan then
//! (<https://www.sqlite.org/vtab.html#the_xbestindex_method>). While the count stays, a statement that
//! reads `main` and names this table runs on the schema that it ran on before.
//!
//! INVARIANTS of the unsafe code in this file:
//! * The module owns one `Arc` of the count as its client data; SQLite hands it back to `release`
//!   exactly once, also when the registration fails.
//! * A table is made by `connect`, freed by `disconnect`, and read as what it is between the two.
//! * No callback can panic.
#![expect(
    unsafe_code,
    reason = "SQLite's C interface; the invariants are at the top of the file"
)]

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libsqlite3_sys as ffi;

/// It takes an argument: a table of the application's that has the name is an error then, not a table
/// that counts nothing.
const COLUMNS: &std::ffi::CStr = c"CREATE TABLE audit_prepared (value, argument HIDDEN)";

/// A table, which SQLite knows by its first field.
#[repr(C)]
struct Table {
    base: ffi::sqlite3_vtab,
    prepared: Arc<AtomicU64>,
}

/// Makes the table known to a connection that is being opened.
///
/// # Safety
/// `database` must be a connection that lives for as long as the call.
pub(crate) unsafe fn create(database: *mut ffi::sqlite3, prepared: Arc<AtomicU64>) -> c_int {
    let data = Box::into_raw(Box::new(prepared)).cast::<c_void>();
    // SAFETY: the name ends in NUL, the module lives for ever, and `release` frees the data.
    unsafe {
        ffi::sqlite3_create_module_v2(
            database,
            c"audit_prepared".as_ptr(),
            &raw const MODULE,
            data,
            Some(release),
        )
    }
}

// Without `xCreate` it is there by its name alone, and nobody can create another.
static MODULE: ffi::sqlite3_module = ffi::sqlite3_module {
    iVersion: 0,
    xCreate: None,
    xConnect: Some(connect),
    xBestIndex: Some(plan),
    xDisconnect: Some(disconnect),
    xDestroy: None,
    xOpen: Some(open),
    xClose: None,
    xFilter: None,
    xNext: None,
    xEof: None,
    xColumn: None,
    xRowid: None,
    xUpdate: None,
    xBegin: None,
    xSync: None,
    xCommit: None,
    xRollback: None,
    xFindFunction: None,
    xRename: None,
    xSavepoint: None,
    xRelease: None,
    xRollbackTo: None,
    xShadowName: None,
    xIntegrity: None,
};

unsafe extern "C" fn connect(
    database: *mut ffi::sqlite3,
    data: *mut c_void,
    _count: c_int,
    _arguments: *const *const c_char,
    table: *mut *mut ffi::sqlite3_vtab,
    _message: *mut *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes the connection, the data of `create` and a place for the table.
    unsafe {
        let declared = ffi::sqlite3_declare_vtab(database, COLUMNS.as_ptr());
        if declared != ffi::SQLITE_OK {
            return declared;
        }
        let prepared = Arc::clone(&*data.cast::<Arc<AtomicU64>>());
        let base = ffi::sqlite3_vtab {
            pModule: std::ptr::null(),
            nRef: 0,
            zErrMsg: std::ptr::null_mut(),
        };
        *table = Box::into_raw(Box::new(Table { base, prepared })).cast();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn disconnect(table: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: SQLite passes a table of `connect`, once.
    drop(unsafe { Box::from_raw(table.cast::<Table>()) });
    ffi::SQLITE_OK
}

unsafe extern "C" fn plan(
    table: *mut ffi::sqlite3_vtab,
    _wanted: *mut ffi::sqlite3_index_info,
) -> c_int {
    // SAFETY: SQLite passes a table of `connect`.
    let table = unsafe { &*table.cast::<Table>() };
    table.prepared.fetch_add(1, Ordering::Relaxed);
    ffi::SQLITE_OK
}

/// There is nothing to read, and no method to read it with.
unsafe extern "C" fn open(
    _table: *mut ffi::sqlite3_vtab,
    _cursor: *mut *mut ffi::sqlite3_vtab_cursor,
) -> c_int {
    ffi::SQLITE_ERROR
}

unsafe extern "C" fn release(data: *mut c_void) {
    // SAFETY: `data` is that of `create` and is handed back once.
    drop(unsafe { Box::from_raw(data.cast::<Arc<AtomicU64>>()) });
}
