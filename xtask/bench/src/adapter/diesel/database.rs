//! The connections of each database.

use anyhow::Result;
use audit_core::Audit;
use audit_diesel::{AttachError, AuditedManager};
#[cfg(feature = "mysql")]
use diesel::connection::AnsiTransactionManager;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::ConnectionManager;
use diesel::result::ConnectionError;
use diesel::{
    Connection as _, ConnectionResult, PgConnection, QueryResult, RunQueryDsl as _,
    SqliteConnection, select,
};

use super::Connection;
#[cfg(feature = "mysql")]
use super::statement::Told;
use crate::engine::Call;
use crate::postgres::{stamp_or_refuse_statement, stamp_statement};
use crate::sqlite::hand;
use crate::variant::Variant;

/// Functions written by hand, as Diesel's own.
mod function {
    #[diesel::declare_sql_function]
    extern "SQL" {
        /// Puts a stamp on the connection.
        fn limit_stamp(
            stamp: diesel::sql_types::Text,
        ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;

        /// Takes it off.
        fn limit_clear() -> diesel::sql_types::Bool;
    }
}

/// Expands to what is the same text for every connection.
macro_rules! audited {
    () => {
        type Statement = Call;
        type Audited = AuditedManager<ConnectionManager<Self>>;

        fn audited(
            manager: ConnectionManager<Self>,
            audit: &Audit,
        ) -> Result<Self::Audited, AttachError> {
            AuditedManager::new(manager, audit)
        }
    };
}

impl Connection for SqliteConnection {
    audited!();

    fn open_by_hand(url: &str) -> ConnectionResult<Self> {
        let opened = hand::opened(|| Self::establish(url));
        opened.unwrap_or_else(|error| Err(ConnectionError::BadConnection(error.to_string())))
    }

    fn prepare(&mut self, variant: Variant) -> QueryResult<()> {
        if variant.has_log() {
            self.batch_execute(hand::TRIGGERS)?;
        }
        Ok(())
    }

    fn stamp(&mut self, text: &str) -> QueryResult<()> {
        select(function::limit_stamp(text)).execute(self)?;
        // Triggers on a connection have to keep up with the schema, whoever makes them.
        let version = Call {
            sql: "PRAGMA schema_version",
            binds: Vec::new(),
        };
        version.execute(self)?;
        Ok(())
    }

    fn clear(&mut self) -> QueryResult<bool> {
        let is_open: bool = select(function::limit_clear()).get_result(self)?;
        Ok(!is_open)
    }
}

impl Connection for PgConnection {
    audited!();

    fn stamp(&mut self, text: &str) -> QueryResult<()> {
        self.batch_execute(&stamp_statement(text))
    }

    fn clear(&mut self) -> QueryResult<bool> {
        self.batch_execute(&stamp_or_refuse_statement(""))?;
        Ok(true)
    }
}

#[cfg(feature = "mysql")]
impl Connection for diesel::MysqlConnection {
    audited!();

    fn stamp(&mut self, text: &str) -> QueryResult<()> {
        // A text of many parts is three round trips through Diesel.
        crate::mysql::stamp_call(text).execute(self)?;
        Ok(())
    }

    fn begin_by_hand(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction_sql(self, &crate::mysql::begin_statement())
    }

    fn clear(&mut self) -> QueryResult<bool> {
        let told: Told = crate::mysql::stamp_and_tell_call("", String::new()).get_result(self)?;
        Ok(told.is_idle(""))
    }
}
