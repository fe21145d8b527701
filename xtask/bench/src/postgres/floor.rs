//! The statements that write a change and its event at once: no trigger, no hook, the context in
//! binds. Each counts the events it writes.

use crate::op::Op;

/// Expands to the part that writes the event: what it was and the texts of its values.
macro_rules! event {
    ($operation:literal, $record:literal, $before:literal, $after:literal, $changed:literal,
     $actor:literal, $request:literal, $facts:literal, $from:literal) => {
        concat!(
            " INSERT INTO audit.audit_logs (occurred_at, id, transaction_id, schema_version, \
             operation, outcome, table_schema, table_name, record_id, before_data, after_data, \
             changed_fields, schema_fingerprint, actor_id, actor_kind, actor_name, tenant_id, \
             assurance, service, environment, request_id, context, source) SELECT e.at, \
             encode(set_byte(substr(int8send((extract(epoch FROM e.at) * 1000)::bigint), 3, 6) || \
             substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid, \
             pg_current_xact_id()::text, 1, '", $operation, "', 'success', 'public', 'users', \
             e.record, e.before, e.after, e.changed, 'a02ae9b0531be12d', ", $actor,
            "::text, 'user', 'Ada Lovelace', 'acme', 'verified', 'billing', 'production', ",
            $request, "::text, ", $facts, "::json, 'inline' FROM (SELECT clock_timestamp() AS at, ",
            $record, " AS record, ", $before, " AS before, ", $after, " AS after, ", $changed,
            "::text[] AS changed FROM ", $from, " OFFSET 0) AS e"
        )
    };
}

const INSERT: &str = concat!(
    "WITH n AS (INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
     VALUES ($1, $2, $3, 'member', 0, true, \
     'Writes the first program and says so, at length, to everyone who asks.', \
     '2026-01-02T03:04:05Z') RETURNING *)",
    event!(
        "INSERT",
        "n.id::text",
        "NULL::json",
        "row_to_json(n)",
        "NULL",
        "$4",
        "$5",
        "$6",
        "n"
    )
);

const INSERT_1000: &str = concat!(
    "WITH n AS (INSERT INTO users (id, email, name, role, balance, active, bio, updated_at) \
     SELECT $1 + n, 'user' || ($2::bigint + n) || '@example.com', 'Ada Lovelace', 'member', 0, \
     true, 'Writes the first program and says so, at length, to everyone who asks.', \
     '2026-01-02T03:04:05Z' FROM seed ORDER BY n RETURNING *)",
    event!(
        "INSERT",
        "n.id::text",
        "NULL::json",
        "row_to_json(n)",
        "NULL",
        "$3",
        "$4",
        "$5",
        "n"
    )
);

const DELETE: &str = concat!(
    "WITH o AS (DELETE FROM users WHERE id = $1 RETURNING *)",
    event!(
        "DELETE",
        "o.id::text",
        "row_to_json(o)",
        "NULL::json",
        "NULL",
        "$2",
        "$3",
        "$4",
        "o"
    )
);

/// The row is locked before it is read, so that it cannot change in between.
const UPDATE_LOCKED: &str = concat!(
    "WITH o AS MATERIALIZED (SELECT * FROM users WHERE id = $2 FOR UPDATE), n AS (UPDATE users \
     SET name = $1, balance = users.balance + 1 FROM o WHERE users.id = o.id RETURNING users.*)",
    event!(
        "UPDATE",
        "n.id::text",
        "row_to_json(o)",
        "row_to_json(n)",
        "'{name,balance}'",
        "$3",
        "$4",
        "$5",
        "o JOIN n USING (id)"
    )
);

const UPDATE_1000_LOCKED: &str = concat!(
    "WITH o AS MATERIALIZED (SELECT * FROM users WHERE id BETWEEN $1 AND $2 FOR UPDATE), n AS \
     (UPDATE users SET balance = users.balance + 1 FROM o WHERE users.id = o.id RETURNING users.*)",
    event!(
        "UPDATE",
        "n.id::text",
        "row_to_json(o)",
        "row_to_json(n)",
        "'{balance}'",
        "$3",
        "$4",
        "$5",
        "o JOIN n USING (id)"
    )
);

const UPDATE_RETURNING: &str = concat!(
    "WITH c AS (UPDATE users SET name = $1, balance = balance + 1 WHERE id = $2 RETURNING \
     new.id AS id, row_to_json(old) AS o, row_to_json(new) AS n)",
    event!(
        "UPDATE",
        "c.id::text",
        "c.o",
        "c.n",
        "'{name,balance}'",
        "$3",
        "$4",
        "$5",
        "c"
    )
);

const UPDATE_1000_RETURNING: &str = concat!(
    "WITH c AS (UPDATE users SET balance = balance + 1 WHERE id BETWEEN $1 AND $2 RETURNING \
     new.id AS id, row_to_json(old) AS o, row_to_json(new) AS n)",
    event!(
        "UPDATE",
        "c.id::text",
        "c.o",
        "c.n",
        "'{balance}'",
        "$3",
        "$4",
        "$5",
        "c"
    )
);

/// The statement of an operation; RETURNING gives the old row from version 18 on.
pub(super) fn statement(op: Op, version: u32) -> Option<&'static str> {
    let returns_old = version >= 18;
    match op {
        Op::Insert => Some(INSERT),
        Op::Insert1000 => Some(INSERT_1000),
        Op::Delete => Some(DELETE),
        Op::Update | Op::Tx10 if returns_old => Some(UPDATE_RETURNING),
        Op::Update | Op::Tx10 => Some(UPDATE_LOCKED),
        Op::Update1000 if returns_old => Some(UPDATE_1000_RETURNING),
        Op::Update1000 => Some(UPDATE_1000_LOCKED),
        Op::Select | Op::Unaudited => None,
    }
}
