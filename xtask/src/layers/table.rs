//! The table: change it together with a decision record in `docs/adr`.

/// The libraries of this workspace. Tests of any crate may use them all.
pub(super) const LIBRARIES: &[&str] = &[
    "audit-actix",
    "audit-adapter",
    "audit-capture",
    "audit-core",
    "audit-diesel",
    "audit-jwt",
    "audit-lane",
    "audit-migrations",
    "audit-seaorm",
    "audit-sqlite",
    "audit-sqlx",
    "audit-store",
    "audit-testkit",
    "audit-tower",
];

/// Crates whose tests use an example: the command answers questions about what the quickstart wrote.
pub(super) const TESTED_WITH: &[(&str, &str)] = &[("audit-command", "quickstart")];

/// Each crate, and those of this workspace it may depend on.
pub(super) const EDGES: &[(&str, &[&str])] = &[
    ("audit-core", &[]),
    ("audit-capture", &["audit-core"]),
    ("audit-migrations", &["audit-core"]),
    ("audit-sqlite", &["audit-core"]),
    (
        "audit-adapter",
        &["audit-capture", "audit-core", "audit-migrations"],
    ),
    (
        "audit-sqlx",
        &[
            "audit-adapter",
            "audit-capture",
            "audit-core",
            "audit-sqlite",
        ],
    ),
    (
        "audit-seaorm",
        &[
            "audit-adapter",
            "audit-capture",
            "audit-core",
            "audit-migrations",
            "audit-sqlx",
        ],
    ),
    (
        "audit-diesel",
        &[
            "audit-adapter",
            "audit-capture",
            "audit-core",
            "audit-migrations",
            "audit-sqlite",
        ],
    ),
    ("audit-jwt", &["audit-core"]),
    ("audit-lane", &["audit-core"]),
    (
        "audit-store",
        &["audit-capture", "audit-core", "audit-migrations"],
    ),
    ("audit-actix", &["audit-core"]),
    ("audit-tower", &["audit-core"]),
    ("audit-testkit", LIBRARIES),
    (
        "audit-command",
        &["audit-core", "audit-sqlx", "audit-store"],
    ),
    ("story", &["audit-core", "audit-store", "audit-testkit"]),
    ("quickstart", EXAMPLE),
    ("actix-diesel", EXAMPLE),
    ("axum-diesel-async", EXAMPLE),
    ("axum-seaorm", EXAMPLE),
    ("use-cases", &["audit-core", "audit-sqlx", "audit-store"]),
    ("xtask", LIBRARIES),
    ("audit-bench", LIBRARIES),
];

/// What an example may depend on: what a user may, and what the examples share.
const EXAMPLE: &[&str] = &[
    "audit-actix",
    "audit-core",
    "audit-diesel",
    "audit-jwt",
    "audit-lane",
    "audit-seaorm",
    "audit-sqlx",
    "audit-store",
    "audit-tower",
    "story",
];

/// What a crate must not reach, not even through others: it is for every driver and every web
/// framework.
pub(super) const UNREACHABLE: &[(&str, &[&str])] = &[
    ("audit-core", HOSTS),
    ("audit-capture", HOSTS),
    ("audit-adapter", HOSTS),
    ("audit-lane", HOSTS),
    ("audit-store", HOSTS),
];

/// Drivers and web frameworks.
const HOSTS: &[&str] = &[
    "actix-http",
    "actix-web",
    "axum",
    "diesel",
    "http",
    "hyper",
    "libsqlite3-sys",
    "sqlx",
    "sqlx-core",
];

/// The features a crate may take of another: the core needs task-locals and `spawn` alone.
pub(super) const FEATURES_OF: [(&str, &str, &[&str]); 1] = [("audit-core", "tokio", &["rt"])];

/// What is never built: a second TLS library or one that needs more than a C compiler.
pub(super) const BANNED: [&str; 5] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
];

/// What is built in exactly one version: a program can link only one SQLite.
pub(super) const SINGLE: [&str; 1] = ["libsqlite3-sys"];
