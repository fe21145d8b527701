//! The application as a server: the three steps of the audit log, and axum.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, Result};
use audit_core::query::LogQuery;
use audit_core::{Audit, Event, Redaction, TableRule};
use audit_jwt::JwtVerifier;
use audit_tower::AuditLayer;
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, Statement};
use story::{Application, Issuer, Kind, Place, schema};

use crate::api;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The application.
#[derive(Debug)]
pub(crate) struct Server {
    connection: DatabaseConnection,
}

impl Application for Server {
    async fn open(place: &Place) -> Result<Self> {
        // Every table is audited; this only hides passwords.
        let audit = Audit::builder()
            .service(env!("CARGO_PKG_NAME"))
            .table(TableRule::new("users").redact("password", Redaction::Drop))
            .build()?;
        // 1. SeaORM's own DatabaseConnection, whose connections carry who is acting.
        let mut options = ConnectOptions::new(place.url());
        options.acquire_timeout(PATIENCE);
        let connection = audit_seaorm::attach(options, &audit)
            .connect()
            .await
            .with_context(|| place.cannot_be_opened())?;
        create_tables(&connection, place.kind()).await?;
        // 2. The audit tables, and the triggers for every table there is.
        let report = audit_seaorm::migrate(&connection, &audit).await?;
        story::print_findings(report.findings())?;
        Ok(Self { connection })
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
        let app = api::routes()
            .layer(AuditLayer::new(verifier))
            .with_state(self.connection.clone());

        let listener = tokio::net::TcpListener::from_std(listener)?;
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(stopped);
        Ok(serving.await?)
    }

    async fn log(&self, query: LogQuery) -> Result<Vec<Event>> {
        let log = audit_seaorm::log(&self.connection).matching(query);
        Ok(log.list().await?)
    }

    async fn close(&self) -> Result<()> {
        Ok(self.connection.close_by_ref().await?)
    }
}

async fn create_tables(connection: &DatabaseConnection, kind: Kind) -> Result<()> {
    let backend = connection.get_database_backend();
    let others = Statement::from_string(backend, schema::others(kind));
    let others = connection.query_one_raw(others).await;
    let others = others.context("the tables of the database cannot be listed")?;
    let others = others.map_or(Ok(0), |row| row.try_get("", "others"))?;
    schema::refuse(others)?;
    let created = connection.execute_unprepared(schema::tables(kind)).await;
    created.context("the tables cannot be created")?;
    Ok(())
}
