//! The application as a server: the three steps of the audit log, and axum.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, Result};
use audit_core::query::LogQuery;
use audit_core::{Audit, Event};
use audit_jwt::JwtVerifier;
use audit_sqlx::AuditDatabase;
use audit_tower::AuditLayer;
use axum::Router;
use sqlx::Pool;
use sqlx::pool::PoolOptions;
use story::{Application, Issuer, Place};

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is recorded, and how. The command `audit` takes the same file, in the folder of the example.
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/audit.toml");

/// What differs between databases.
pub(crate) trait Database: AuditDatabase {
    /// Creates the tables where they are not there yet.
    fn create_tables(pool: &Pool<Self>) -> impl Future<Output = Result<()>> + Send;

    /// The routes of the API.
    fn routes() -> Router<Pool<Self>>;
}

/// The application on one database.
#[derive(Debug)]
pub(crate) struct Server<DB: Database> {
    pool: Pool<DB>,
}

impl<DB: Database> Application for Server<DB> {
    async fn open(place: &Place) -> Result<Self> {
        let audit = Audit::from_toml_file(RULES)?.build()?;
        // 1. A plain sqlx::Pool, whose connections carry who is acting.
        let options = PoolOptions::<DB>::new().acquire_timeout(PATIENCE);
        let pool = audit_sqlx::attach(options, &audit)
            .connect(place.url())
            .await
            .with_context(|| place.cannot_be_opened())?;
        DB::create_tables(&pool).await?;
        // 2. The audit tables, and the triggers for every table there is.
        let report = audit_sqlx::migrate(&pool, &audit).await?;
        story::print_findings(report.findings())?;
        Ok(Self { pool })
    }

    async fn serve(
        &self,
        listener: TcpListener,
        issuer: Issuer,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        // 3. Who is acting, from the token of each request.
        let verifier = JwtVerifier::hs256(issuer.key())
            .issuer(Issuer::NAME)
            .audience(issuer.audience())
            .build()?;
        let app = DB::routes()
            .layer(AuditLayer::new(verifier))
            .with_state(self.pool.clone());

        let listener = tokio::net::TcpListener::from_std(listener)?;
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(stopped);
        Ok(serving.await?)
    }

    async fn log(&self, query: LogQuery) -> Result<Vec<Event>> {
        Ok(audit_sqlx::log(&self.pool).matching(query).list().await?)
    }

    async fn close(&self) -> Result<()> {
        self.pool.close().await;
        Ok(())
    }
}
