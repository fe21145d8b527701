//! What cannot be captured inline, told before anything runs.

/// Why a statement cannot be written together with its events. Nothing has run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Uncapturable {
    /// Rows of other tables go or change with those of the table.
    #[error(
        "foreign keys of `{child}` change its rows together with those of `{table}`; change those \
         of `{child}` first, or capture both by triggers"
    )]
    Cascade {
        /// The table.
        table: String,
        /// The table whose rows follow.
        child: String,
    },
    /// The row is that of a cursor.
    #[error("the row of a cursor cannot be captured; name the row by its key")]
    Cursor,
    /// It empties tables that it does not name.
    #[error("`TRUNCATE .. CASCADE` empties tables that its text does not name; name them all")]
    Emptied,
    /// It explains a statement and runs it as well.
    #[error("EXPLAIN ANALYZE runs the statement; explain it without ANALYZE")]
    Explain,
    /// It calls a function that may change rows.
    #[error(
        "the function `{function}` is volatile and may change rows; declare it STABLE when it only \
         reads, or capture by triggers"
    )]
    Function {
        /// The function.
        function: String,
    },
    /// It runs statements that are not in its text.
    #[error("`{verb}` runs statements that its text does not show; run them one by one")]
    Hidden {
        /// Its first word.
        verb: String,
    },
    /// The table has parents or children of which a row has more columns.
    #[error("`{table}` is part of an inheritance tree; capture it by triggers")]
    Inherited {
        /// The table.
        table: String,
    },
    /// It changes the key of rows, so that the rows before and after cannot be paired.
    #[error(
        "the statement sets `{column}`, a column of the key of `{table}`, or the server computes \
         it; PostgreSQL 18 tells which row was which, an older one needs triggers"
    )]
    KeyChanged {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A trigger of the application may change the key of rows.
    #[error(
        "the trigger `{trigger}` may change the key of rows of `{table}`; PostgreSQL 18 tells which \
         row was which, an older one needs capture by triggers"
    )]
    KeyTrigger {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
    },
    /// A table is called as the row before or after a change is.
    #[error(
        "a table is called `{name}` in the statement, as RETURNING calls a row of the change; give \
         it another name"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The rows before and after cannot be paired.
    #[error("`{table}` has no primary key; add one, or capture it by triggers")]
    NoKey {
        /// The table.
        table: String,
    },
    /// A row that moves to another partition is two changes.
    #[error("an UPDATE may move rows of `{table}` to another partition; capture it by triggers")]
    Partitioned {
        /// The table.
        table: String,
    },
    /// Triggers of ours record the change.
    #[error(
        "`{table}` has triggers that record the change, which would be recorded twice; remove \
         them, or run the statement outside of the capture"
    )]
    Recorded {
        /// The table.
        table: String,
    },
    /// The names of what is given back are not sure.
    #[error("`{expression}` in RETURNING has no name that is sure; give it one with AS")]
    Returning {
        /// The entry.
        expression: String,
    },
    /// Policies decide which rows may be given back.
    #[error(
        "`{table}` has row level security, under which giving rows back changes which rows the \
         statement reaches; capture it by triggers"
    )]
    RowSecurity {
        /// The table.
        table: String,
    },
    /// Rules make other statements of it.
    #[error("`{table}` has rules, which make other statements of this one; use triggers instead")]
    Rules {
        /// The table.
        table: String,
    },
    /// The text holds several statements.
    #[error("the text holds several statements; run them one by one")]
    Several,
    /// The statement fills or empties a table in a way that gives no rows back.
    #[error("`{verb}` gives no rows back for `{table}`; use INSERT, UPDATE or DELETE, or triggers")]
    Silent {
        /// Its first word.
        verb: String,
        /// The table.
        table: String,
    },
    /// A trigger of the application may change rows of other tables.
    #[error("the trigger `{trigger}` on `{table}` may change other rows; capture by triggers")]
    Trigger {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
    },
    /// The statement begins with a word that is not known.
    #[error("a statement that begins with `{verb}` is not known; run it outside of the capture")]
    Unknown {
        /// Its first word.
        verb: String,
    },
    /// The catalog that was read has no such table, or none whose changes are sure to change nothing
    /// else.
    #[error(
        "the table `{table}` was not there when the catalog was read, is a view or partition, or is \
         not audited and has triggers, rules, children or foreign keys that cascade; name the table \
         itself, or read the catalog again"
    )]
    UnknownTable {
        /// The table as the statement names it.
        table: String,
    },
    /// A string, name or comment does not end, or a name has a form that is not read.
    #[error("the statement cannot be read; write its names plainly and end what is quoted")]
    Unreadable,
    /// The condition would be asked twice and may answer differently.
    #[error(
        "the condition calls `{function}`, which may answer differently each time; compute its \
         value first and send it as a bind, or use PostgreSQL 18"
    )]
    Volatile {
        /// The function.
        function: String,
    },
    /// A WITH or another part of the statement changes rows too.
    #[error("a statement within the statement changes rows; run them one by one")]
    Within,
    /// The role may not read the table, so that it cannot give rows back.
    #[error("the role has no right to SELECT from `{table}`; grant it, or capture by triggers")]
    Unselectable {
        /// The table.
        table: String,
    },
}
