//! Statements of ours with their binds, and rows of texts.

/// A statement with its binds, for whichever database. Secrets are not kept with it.
macro_rules! bound {
    ($query:expr) => {{
        let query: &audit_core::query::BoundQuery = $query;
        let mut statement = sqlx::query(sqlx::AssertSqlSafe(query.text.as_str()));
        for bind in &query.binds {
            statement = match bind {
                audit_core::query::Bind::Bytes(bytes) => {
                    statement.bind(bytes.as_slice()).persistent(false)
                }
                audit_core::query::Bind::Integer(number) => statement.bind(*number),
                audit_core::query::Bind::Text(text) => statement.bind(text.as_str()),
                _ => statement,
            };
        }
        statement
    }};
}

/// The texts of a row, for whichever database.
macro_rules! texts {
    () => {
        |row| {
            (0..row.len())
                .map(|index| row.try_get_unchecked(index))
                .collect()
        }
    };
}
