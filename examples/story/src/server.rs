//! An application that serves, here in this process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::program::Program;
use crate::{Application, Issuer};

/// A server that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct Server<A> {
    pub(crate) application: Arc<A>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl<A: Application> Server<A> {
    /// Opens the database and listens.
    pub(crate) async fn start(program: &Program, issuer: &Issuer) -> Result<Self> {
        let application = Arc::new(A::open(&program.place).await?);
        let port = program.cli.port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} cannot be used; name another by `--port`"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // A sender that is gone means the same as its message.
            let _ = stopped.await;
        };
        let (serving, issuer) = (Arc::clone(&application), issuer.clone());
        let task = tokio::spawn(async move { serving.serve(listener, issuer, stopped).await });
        Ok(Self {
            application,
            address,
            stop,
            task,
        })
    }

    /// The root of its URLs.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the server ends by itself, which it does when it cannot serve.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        (&mut self.task).await?
    }

    /// Answers what has come in, and closes the database.
    pub(crate) async fn stop(self) -> Result<()> {
        // A receiver that is gone has stopped already.
        let _ = self.stop.send(());
        self.task.await??;
        self.application.close().await
    }
}
