//! The application as a server: the three steps of the audit log, and axum. Compiled once for each
//! database.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, Result};
use audit_core::query::LogQuery;
use audit_core::{Audit, Event, Redaction, TableRule};
use audit_diesel::asynchronous;
use audit_jwt::JwtVerifier;
use audit_tower::AuditLayer;
use deadpool::Runtime;
use diesel::ConnectionError;
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::{AsyncConnection as _, RunQueryDsl as _, SimpleAsyncConnection as _};
use story::{Application, Issuer, Place, schema};

use super::models::Others;
use super::{Connection, KIND, SETTINGS, api};

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// What handlers share. The rules are for those that open a transaction.
#[derive(Clone)]
pub(super) struct Database {
    pool: Pool<Connection>,
    pub(super) audit: Audit,
}

impl Database {
    /// A connection that carries the context of the request until it goes back into the pool.
    pub(super) async fn connection(&self) -> Result<Object<Connection>, PoolError> {
        self.pool.get().await
    }
}

/// The application.
pub(crate) struct Server {
    database: Database,
}

impl Application for Server {
    async fn open(place: &Place) -> Result<Self> {
        // Every table is audited; this only hides passwords.
        let audit = Audit::builder()
            .service(env!("CARGO_PKG_NAME"))
            .table(TableRule::new("users").redact("password", Redaction::Drop))
            .build()?;
        // 1. A plain pool of deadpool, whose connections carry who is acting.
        let manager = asynchronous::attach(settings(), &audit).manager(place.url())?;
        let pool = Pool::builder(manager)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .build()?;
        let connection = pool.get().await;
        let connection = &mut *connection.with_context(|| place.cannot_be_opened())?;
        create_tables(connection).await?;
        // 2. The audit tables, and the triggers for every table there is.
        let report = asynchronous::migrate(connection, &audit).await?;
        story::print_findings(report.findings())?;
        let database = Database { pool, audit };
        Ok(Self { database })
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
            .with_state(self.database.clone());

        let listener = tokio::net::TcpListener::from_std(listener)?;
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(stopped);
        Ok(serving.await?)
    }

    async fn log(&self, query: LogQuery) -> Result<Vec<Event>> {
        let connection = &mut *self.database.connection().await?;
        Ok(asynchronous::log(connection).matching(query).list().await?)
    }

    async fn close(&self) -> Result<()> {
        self.database.pool.close();
        Ok(())
    }
}

/// Tells each connection of the pool its settings.
fn settings() -> ManagerConfig<Connection> {
    let mut config = ManagerConfig::default();
    config.custom_setup = Box::new(|url| {
        Box::pin(async {
            let mut connection = Connection::establish(url).await?;
            let told = connection.batch_execute(SETTINGS).await;
            told.map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        })
    });
    config
}

async fn create_tables(connection: &mut Connection) -> Result<()> {
    let others: Others = diesel::sql_query(schema::others(KIND))
        .get_result(connection)
        .await
        .context("the tables of the database cannot be listed")?;
    schema::refuse(others.others)?;
    let created = connection.batch_execute(schema::tables(KIND)).await;
    created.context("the tables cannot be created")
}
