//! The story that the demo tells: what is asked for, by whom, and what must be recorded of it.

use audit_core::Operation::{self, Custom, Delete, Insert, Update};

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Alice,
    Bob,
    /// Alice, with a token that ran out.
    Expired,
    /// Someone who signed a token in Alice's name with a key of their own.
    Forger,
    /// A request without a token.
    Nobody,
}

/// One event that a step must leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) operation: Operation,
    pub(crate) table: &'static str,
    /// The columns that an UPDATE changed.
    pub(crate) changed: &'static [&'static str],
}

/// What is kept of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep {
    /// What its JSON has at this place.
    Answer(&'static str),
    /// By which id the request is known.
    RequestId,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) title: &'static str,
    pub(crate) who: Who,
    pub(crate) method: &'static str,
    /// `{name}` stands for what an earlier step kept under that name, as it does in `answer`.
    pub(crate) path: &'static str,
    /// What is kept of the answer, and under which name.
    pub(crate) keep: Option<(&'static str, Keep)>,
    /// What the answer must have, by places in its JSON.
    pub(crate) answer: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
    pub(crate) status: u16,
    pub(crate) events: &'static [Expected],
}

const fn of(operation: Operation, table: &'static str) -> Expected {
    Expected {
        operation,
        table,
        changed: &[],
    }
}

const fn update(table: &'static str, changed: &'static [&'static str]) -> Expected {
    Expected {
        operation: Update,
        table,
        changed,
    }
}

const fn step(
    title: &'static str,
    who: Who,
    (method, path): (&'static str, &'static str),
    body: &'static str,
    status: u16,
    events: &'static [Expected],
) -> Step {
    Step {
        title,
        who,
        method,
        path,
        keep: None,
        answer: &[],
        body,
        status,
        events,
    }
}

/// A question, which leaves no event.
const fn ask(
    title: &'static str,
    who: Who,
    path: &'static str,
    status: u16,
    answer: &'static [(&'static str, &'static str)],
) -> Step {
    step(title, who, ("GET", path), "", status, &[]).answer(answer)
}

impl Step {
    const fn keep(mut self, name: &'static str, what: Keep) -> Self {
        self.keep = Some((name, what));
        self
    }

    const fn answer(mut self, answer: &'static [(&'static str, &'static str)]) -> Self {
        self.answer = answer;
        self
    }
}

/// The passwords of the story: no event may hold one of them.
pub(crate) const PASSWORDS: [&str; 3] = ["correct horse", "battery staple", "tr0ub4dor"];

/// The whole story.
pub(crate) const STEPS: &[Step] = &[
    step(
        "alice adds a user",
        Who::Alice,
        ("POST", "/users"),
        r#"{"name": "Ann", "email": "Ann@Example.com", "password": "correct horse"}"#,
        201,
        &[of(Insert, "users")],
    )
    .keep("ann", Keep::Answer("/id")),
    step(
        "somebody signs up without a token",
        Who::Nobody,
        ("POST", "/users"),
        r#"{"name": "Ben", "email": "ben@example.com", "password": "battery staple"}"#,
        201,
        &[of(Insert, "users")],
    ),
    step(
        "bob renames a user",
        Who::Bob,
        ("PUT", "/users/{ann}/name"),
        r#"{"name": "Anna"}"#,
        204,
        &[update("users", &["name"])],
    ),
    step(
        "alice changes a password, which is not in the log",
        Who::Alice,
        ("PUT", "/users/{ann}/password"),
        r#"{"password": "tr0ub4dor"}"#,
        204,
        &[update("users", &["password"])],
    ),
    step(
        "alice writes an invoice with two lines, in a transaction",
        Who::Alice,
        ("POST", "/invoices/acme/1001"),
        r#"{"total": "199.90", "details": {"terms": "30 days"}, "lines": [
            {"line_no": 1, "item": "desk", "quantity": 1},
            {"line_no": 2, "item": "lamp", "quantity": 2}]}"#,
        201,
        &[
            of(Insert, "invoices"),
            of(Insert, "invoice_lines"),
            of(Insert, "invoice_lines"),
        ],
    ),
    step(
        "bob upserts an invoice that is there",
        Who::Bob,
        ("PUT", "/invoices/acme/1001"),
        r#"{"total": "249.00", "details": {"terms": "14 days"}}"#,
        204,
        &[update("invoices", &["total", "details"])],
    ),
    step(
        "bob upserts an invoice that is not",
        Who::Bob,
        ("PUT", "/invoices/acme/1002"),
        r#"{"total": "0.10", "details": {"terms": "30 days", "tags": ["new"]}}"#,
        204,
        &[of(Insert, "invoices")],
    ),
    step(
        "alice reminds of all open invoices, in one statement",
        Who::Alice,
        ("POST", "/invoices/acme/remind"),
        "",
        200,
        &[
            update("invoices", &["status"]),
            update("invoices", &["status"]),
        ],
    )
    .keep("reminder", Keep::RequestId),
    step(
        "bob adds one line too many, and all are rolled back",
        Who::Bob,
        ("POST", "/invoices/acme/1001/lines"),
        r#"[{"line_no": 3, "item": "chair", "quantity": 4},
            {"line_no": 4, "item": "shelf", "quantity": 1}]"#,
        409,
        &[],
    ),
    step(
        "bob approves an invoice: a business event of its own",
        Who::Bob,
        ("POST", "/invoices/acme/1001/approve"),
        "",
        204,
        &[update("invoices", &["status"]), of(Custom, "invoices")],
    )
    .keep("approval", Keep::RequestId),
    step(
        "alice runs raw SQL over all users, with a reason",
        Who::Alice,
        ("POST", "/users/tidy"),
        "",
        204,
        &[update("users", &["email"])],
    ),
    step(
        "somebody forges a token and is refused",
        Who::Forger,
        ("PUT", "/users/{ann}/name"),
        r#"{"name": "Mallory"}"#,
        401,
        &[],
    ),
    step(
        "alice's token has run out",
        Who::Expired,
        ("PUT", "/users/{ann}/name"),
        r#"{"name": "Late"}"#,
        401,
        &[],
    ),
    ask(
        "somebody without a token asks what happened",
        Who::Nobody,
        "/audit",
        401,
        &[],
    ),
    ask(
        "alice asks who changed an invoice",
        Who::Alice,
        "/audit/records/invoices/acme/1001",
        200,
        &[
            ("/record_id", r#"["acme","1001"]"#),
            ("/turns/0/event/actor_id", "bob"),
            ("/turns/0/event/request_id", "{approval}"),
            ("/turns/2/event/actor_id", "alice"),
            ("/turns/2/changes/0/field", "status"),
            ("/turns/2/changes/0/before", "open"),
            ("/turns/2/changes/0/after", "reminded"),
        ],
    )
    .keep("approved", Keep::Answer("/turns/0/event/occurred_at")),
    ask(
        "alice asks what bob did",
        Who::Alice,
        "/audit?actor=bob&since=1h",
        200,
        &[
            ("/0/request_id", "{approval}"),
            ("/1/request_id", "{approval}"),
            ("/2/table_name", "invoices"),
            ("/2/operation", "INSERT"),
            ("/2/record_id", r#"["acme","1002"]"#),
        ],
    ),
    ask(
        "alice asks what it takes to undo her reminder: bob has approved since",
        Who::Alice,
        "/audit/requests/{reminder}/undo",
        200,
        &[
            ("/is_clear", "false"),
            (
                "/steps/1/conflicts/0",
                "`status` is approved and no longer reminded",
            ),
        ],
    ),
    step(
        "alice asks for it all the same, and nothing is done",
        Who::Alice,
        ("POST", "/audit/requests/{reminder}/undo"),
        "",
        409,
        &[],
    )
    .answer(&[("/plan/is_clear", "false")]),
    step(
        "bob undoes his approval",
        Who::Bob,
        ("POST", "/audit/requests/{approval}/undo?reason=too%20early"),
        "",
        200,
        &[update("invoices", &["status"])],
    )
    .answer(&[
        ("/steps/0/changes/0/after", "reminded"),
        ("/undone/records", "1"),
    ]),
    step(
        "alice deletes all invoices, and their lines go with them",
        Who::Alice,
        ("DELETE", "/invoices/acme"),
        "",
        204,
        &[
            of(Delete, "invoices"),
            of(Delete, "invoices"),
            of(Delete, "invoice_lines"),
            of(Delete, "invoice_lines"),
        ],
    ),
    ask(
        "bob asks what the invoices were when he had approved",
        Who::Bob,
        "/audit/tables/invoices?at={approved}",
        200,
        &[
            ("/records/0/record_id", r#"["acme","1001"]"#),
            ("/records/0/fields/status", "approved"),
            ("/records/1/fields/status", "reminded"),
            ("/has_more", "false"),
        ],
    ),
];
