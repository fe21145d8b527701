//! The columns of `audit_logs`: one list, which each library's row or table is expanded from.

/// Expands a macro over the columns of `audit_logs`, in the order of the migration, with the types
/// that a library has for what they hold.
///
/// `name! { given }` expands to `name! { { given } /// Docs. column: type, .. }`, one line a column,
/// in which each word on the right of a `=` stands for what is on its left. The first two columns are
/// the key.
///
/// # Examples
///
/// ```
/// macro_rules! row {
///     ({ $row:ident } $($(#[$doc:meta])* $column:ident: $type:ty,)*) => {
///         struct $row { $($(#[$doc])* $column: $type,)* }
///     };
/// }
/// audit_core::log_columns! {
///     row! { Row },
///     boolean = bool, integer = i64, json = String, list = String, optional = Option,
///     small = i16, text = String, time = String, uuid = [u8; 16]
/// }
/// let label = |row: Row| -> Option<String> { row.label };
/// ```
#[macro_export]
macro_rules! log_columns {
    (
        $expand:ident! $given:tt,
        boolean = $boolean:ident, integer = $integer:ident, json = $json:ty, list = $list:ty,
        optional = $optional:ident, small = $small:ident, text = $text:ident, time = $time:ty,
        uuid = $uuid:ty
    ) => {
        $expand! {
            $given
            /// When it happened, by the database's clock once the row was locked.
            occurred_at: $time,
            /// A UUIDv7 (RFC 9562) made by the database.
            id: $uuid,
            /// When it was stored; empty unless it came by a detour.
            recorded_at: $optional<$time>,
            /// The database transaction, where the database tells it.
            transaction_id: $optional<$text>,
            /// The version of this shape.
            schema_version: $small,
            /// What was done.
            operation: $text,
            /// The business verb.
            action: $optional<$text>,
            /// How it ended.
            outcome: $text,
            /// The schema of the table; absent on SQLite's main database.
            table_schema: $optional<$text>,
            /// The table.
            table_name: $optional<$text>,
            /// The record: the text of a single key, or a JSON array of the texts of a composite one.
            record_id: $optional<$text>,
            /// The record's id before a change of its key.
            previous_record_id: $optional<$text>,
            /// The row before.
            before_data: $optional<$json>,
            /// The row after.
            after_data: $optional<$json>,
            /// The columns whose bytes changed, for an UPDATE.
            changed_fields: $optional<$list>,
            /// What is hidden in the images: columns by their names, parts of JSON columns as the column, a
            /// colon and the path (`details:$.card.number`).
            redacted_fields: $optional<$list>,
            /// The entry of `audit_schemas` that the images follow.
            schema_fingerprint: $optional<$text>,
            /// Whether `before_data` is certain; absent where it always is.
            before_exact: $optional<$boolean>,
            /// Who did it.
            actor_id: $optional<$text>,
            /// What kind of party.
            actor_kind: $text,
            /// The actor's name for people to read.
            actor_name: $optional<$text>,
            /// The party acted for.
            on_behalf_of: $optional<$text>,
            /// The tenant.
            tenant_id: $optional<$text>,
            /// How far the identity was proved.
            assurance: $optional<$text>,
            /// The service.
            service: $optional<$text>,
            /// The environment.
            environment: $optional<$text>,
            /// The request.
            request_id: $optional<$text>,
            /// What caused the request.
            causation_id: $optional<$text>,
            /// Where it came from.
            context: $optional<$json>,
            /// Why, in words.
            reason: $optional<$text>,
            /// What the application adds.
            metadata: $optional<$json>,
            /// A short name for people.
            label: $optional<$text>,
            /// The template of a sentence, as it stood at write time.
            description: $optional<$text>,
            /// How much it matters.
            severity: $optional<$text>,
            /// How sensitive the data is.
            data_class: $optional<$text>,
            /// The regimes it is evidence for.
            compliance: $optional<$list>,
            /// Who is to be told.
            notify: $optional<$list>,
            /// The events that this one reverts.
            reverts: $optional<$list>,
            /// The normalised statement, literals out.
            statement: $optional<$text>,
            /// The tables of the statement.
            tables: $optional<$list>,
            /// How long the statement took, in microseconds.
            duration_us: $optional<$integer>,
            /// How many rows.
            row_count: $optional<$integer>,
            /// The database's error code.
            error_code: $optional<$text>,
            /// The error in words.
            error_message: $optional<$text>,
            /// A stable word for why it was denied or failed.
            reason_code: $optional<$text>,
            /// Which part of the system wrote it.
            source: $text,
        }
    };
}
