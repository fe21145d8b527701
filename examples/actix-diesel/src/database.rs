//! What differs between databases.
//!
//! `api.rs`, `models.rs`, `server.rs` and `trail.rs` are plain Diesel, as an application on one database writes
//! them. Here they serve three: each module below names its database and compiles the same
//! files for it.

/// The tables, as `diesel print-schema` prints them; databases differ in the types of two columns.
macro_rules! schema {
    ($total:ident, $details:ident) => {
        mod schema {
            diesel::table! {
                users (id) {
                    id -> BigInt,
                    name -> Text,
                    email -> Text,
                    password -> Text,
                }
            }

            diesel::table! {
                invoices (org, number) {
                    org -> Text,
                    number -> BigInt,
                    total -> $total,
                    status -> Text,
                    details -> $details,
                }
            }

            diesel::table! {
                invoice_lines (org, number, line_no) {
                    org -> Text,
                    number -> BigInt,
                    line_no -> BigInt,
                    item -> Text,
                    quantity -> BigInt,
                }
            }
        }
    };
}

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod sqlite;
