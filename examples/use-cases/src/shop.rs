//! A small shop: products and orders, and people who work in it.

use audit_core::{Actor, Audit, AuditContext};
use audit_sqlx::PoolReader;
use audit_store::{Trail, words};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqlitePool};
use tempfile::TempDir;

/// The tables of the application, which knows nothing of the audit log.
const TABLES: &str = "
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL);
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, customer TEXT NOT NULL, address TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'open'
    );
    CREATE TABLE order_lines (
        order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
        product_id INTEGER NOT NULL REFERENCES products (id),
        quantity INTEGER NOT NULL,
        PRIMARY KEY (order_id, product_id)
    );";

/// The shop, with its database.
pub(crate) struct Shop {
    pub(crate) pool: SqlitePool,
    /// Removed with the shop.
    _folder: TempDir,
}

impl Shop {
    /// A new shop with three products.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let url = format!(
            "sqlite:{}?mode=rwc",
            folder.path().join("shop.db").display()
        );
        let audit = Audit::builder().service("shop").build()?;
        let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit)
            .connect(&url)
            .await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        audit_sqlx::migrate(&pool, &audit).await?;
        let shop = Self {
            pool,
            _folder: folder,
        };
        let stock = AuditContext::new().with_actor(Actor::system("stock"));
        for product in ["'lamp', 20.0", "'desk', 150.0", "'chair', 80.0"] {
            let sql = format!("INSERT INTO products (name, price) VALUES ({product})");
            shop.run(&stock, &[&sql]).await?;
        }
        Ok(shop)
    }

    /// Runs statements in one transaction, as a request with this context would.
    pub(crate) async fn run(&self, context: &AuditContext, sql: &[&str]) -> anyhow::Result<()> {
        let work = async {
            let mut transaction = audit_sqlx::begin(&self.pool).await?;
            for sql in sql {
                sqlx::raw_sql(sqlx::AssertSqlSafe(*sql))
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(transaction.commit().await?)
        };
        context.clone().scope(work).await
    }

    /// The whole trail.
    pub(crate) fn trail(&self) -> Trail<PoolReader<Sqlite>> {
        Trail::of(audit_sqlx::log(&self.pool))
    }

    /// The first column of the first row.
    pub(crate) async fn text(&self, sql: &'static str) -> anyhow::Result<String> {
        Ok(sqlx::query_scalar(sql).fetch_one(&self.pool).await?)
    }
}

/// What a request of somebody brings.
pub(crate) fn request(actor: &str, id: &str) -> AuditContext {
    AuditContext::new()
        .with_actor(Actor::user(actor))
        .with_request_id(id)
}

/// Tells an event in one line.
pub(crate) fn tell(event: &audit_core::Event) {
    println!(
        "  {:<8} {:<7} {:<16} {}",
        words::who(event),
        words::what(event),
        words::record(event),
        words::changes(event, 40).join(", ")
    );
}
