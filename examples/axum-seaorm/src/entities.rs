//! The tables as SeaORM knows them.
#![expect(unreachable_pub, reason = "the derives expect public items")]

pub(crate) mod invoice_lines;
pub(crate) mod invoices;
pub(crate) mod users;
