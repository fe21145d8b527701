//! The application as a server: the three steps of the audit log, and axum.

use std::future::Future;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use audit_jwt::JwtVerifier;
use audit_sqlx::AuditDatabase;
use audit_tower::AuditLayer;
use axum::Router;
use sqlx::Pool;
use sqlx::pool::PoolOptions;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::database::Place;
use crate::settings;
use crate::token::{AUDIENCE, ISSUER, Secret};

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The application on one database.
pub(crate) trait Application: AuditDatabase {
    /// Creates the tables where they are not there yet.
    fn create_tables(pool: &Pool<Self>) -> impl Future<Output = Result<()>> + Send;

    /// The routes of the API.
    fn routes() -> Router<Pool<Self>>;
}

/// A server that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct Server<DB: Application> {
    pub(crate) pool: Pool<DB>,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl<DB: Application> Server<DB> {
    /// Opens the database, brings its audit log up to date and listens.
    pub(crate) async fn start(place: &Place, port: u16, secret: &Secret) -> Result<Self> {
        let audit = settings::audit()?;
        // 1. A plain sqlx::Pool, whose connections carry who is acting.
        let options = PoolOptions::<DB>::new().acquire_timeout(PATIENCE);
        let pool = audit_sqlx::attach(options, &audit)
            .connect(place.url())
            .await
            .with_context(|| format!("the database cannot be opened; {}", place.advice()))?;
        DB::create_tables(&pool).await?;
        // 2. The audit tables, and the triggers for every table there is.
        let report = audit_sqlx::migrate(&pool, &audit).await?;
        for finding in report.findings() {
            writeln!(std::io::stderr(), "audit: {finding}")?;
        }
        // 3. Who is acting, from the token of each request.
        let verifier = JwtVerifier::hs256(secret)
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .build()?;
        let app = DB::routes()
            .layer(AuditLayer::new(verifier))
            .with_state(pool.clone());

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port} cannot be used; name another by `--port`"))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async {
            // A sender that is gone means the same as its message.
            let _ = stopped.await;
        });
        let task = tokio::spawn(serving.into_future());
        Ok(Self {
            pool,
            address,
            stop,
            task,
        })
    }

    /// The root of its URLs.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers what has come in, and closes the database.
    pub(crate) async fn stop(self) -> Result<()> {
        // A receiver that is gone has stopped already.
        let _ = self.stop.send(());
        self.task.await??;
        self.pool.close().await;
        Ok(())
    }
}
