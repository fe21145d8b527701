//! The sabotage of the triggers that are put on each connection.

use audit_testkit::sabotage;
use diesel::connection::SimpleConnection;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

#[derive(diesel::QueryableByName)]
struct Trigger {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    tbl_name: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    sql: String,
}

/// Breaks the triggers of a connection, where a sabotage is asked for.
pub(crate) fn broken(connection: &mut SqliteConnection) -> QueryResult<()> {
    let Some(triggers) = sabotage::triggers_of_connection() else {
        return Ok(());
    };
    let triggers: Vec<Trigger> = diesel::sql_query(triggers).load(connection)?;
    triggers
        .into_iter()
        .flat_map(|trigger| sabotage::broken(&[trigger.name, trigger.tbl_name, trigger.sql]))
        .try_for_each(|statement| connection.batch_execute(&statement))
}
