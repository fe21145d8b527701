//! The application as a server: the three steps of the audit log, and actix-web. Compiled once for
//! each database.

use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server as ActixServer;
use actix_web::{App, HttpServer, web};
use anyhow::{Context as _, Result};
use audit_actix::AuditMiddleware;
use audit_core::query::LogQuery;
use audit_core::{Audit, Event, Redaction, TableRule};
use audit_diesel::AuditedManager;
use audit_jwt::JwtVerifier;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error, Pool};
use story::{Application, Issuer, Place, Refusal, schema};

use super::models::Others;
use super::{Connection, KIND, SETTINGS, api};
use crate::api_error;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// What handlers share.
#[derive(Debug, Clone)]
pub(super) struct Database {
    pool: Pool<AuditedManager<ConnectionManager<Connection>>>,
    audit: Audit,
}

impl Database {
    /// Runs work on a blocking thread in the context of the request, which the pool puts on the
    /// connection. The rules are for work that opens a transaction.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Audit) -> api_error::Result<T> + Send + 'static,
    ) -> api_error::Result<T> {
        let Self { pool, audit } = self.clone();
        let done = audit_actix::block(move || work(&mut *pool.get()?, &audit));
        done.await.map_err(Refusal::failed)?
    }
}

/// The application.
#[derive(Debug)]
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
        // 1. A plain pool of r2d2, whose connections carry who is acting.
        let manager = ConnectionManager::<Connection>::new(place.url());
        let pool = Pool::builder()
            .connection_timeout(PATIENCE)
            .connection_customizer(Box::new(Settings))
            .build(AuditedManager::new(manager, &audit)?)
            .with_context(|| place.cannot_be_opened())?;
        // Here it may block: there are no requests yet.
        let connection = &mut *pool.get()?;
        create_tables(connection)?;
        // 2. The audit tables, and the triggers for every table there is.
        let report = audit_diesel::migrate(connection, &audit)?;
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
        let server = self.listen(listener, AuditMiddleware::new(verifier))?;
        let handle = server.handle();
        let stop = async {
            stopped.await;
            handle.stop(true).await;
        };
        let (served, ()) = tokio::join!(server, stop);
        Ok(served?)
    }

    async fn log(&self, query: LogQuery) -> Result<Vec<Event>> {
        let mut connection = self.database.pool.get()?;
        Ok(audit_diesel::log(&mut *connection).matching(query).load()?)
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

impl Server {
    fn listen(&self, listener: TcpListener, audit: AuditMiddleware) -> Result<ActixServer> {
        let database = web::Data::new(self.database.clone());
        let app = move || {
            App::new()
                .app_data(database.clone())
                .configure(api::routes)
                .wrap(audit.clone())
        };
        let server = HttpServer::new(app).disable_signals().listen(listener)?;
        Ok(server.run())
    }
}

/// Tells each connection of the pool its settings.
#[derive(Debug)]
struct Settings;

impl CustomizeConnection<Connection, Error> for Settings {
    fn on_acquire(&self, connection: &mut Connection) -> Result<(), Error> {
        Ok(connection.batch_execute(SETTINGS)?)
    }
}

fn create_tables(connection: &mut Connection) -> Result<()> {
    let others: Others = diesel::sql_query(schema::others(KIND))
        .get_result(connection)
        .context("the tables of the database cannot be listed")?;
    schema::refuse(others.others)?;
    let created = connection.batch_execute(schema::tables(KIND));
    created.context("the tables cannot be created")
}
