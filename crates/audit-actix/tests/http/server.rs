//! A server on a free port, on threads of its own.

use std::net::TcpListener;
use std::ops::Deref;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer, rt};
use audit_actix::AuditMiddleware;
use audit_testkit::http::{Client, actor_now, by_header};

/// A running server and a client of it; it ends when it is dropped.
pub(crate) struct Server {
    client: Client,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// One worker, that is one thread, which serves an audited app.
    pub(crate) fn start(
        audit: AuditMiddleware,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        Self::start_with(1, audit, configure)
    }

    pub(crate) fn start_with(
        workers: usize,
        audit: AuditMiddleware,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, started) = mpsc::channel();
        let serve = move || {
            rt::System::new().block_on(async {
                let app = move || App::new().configure(configure.clone()).wrap(audit.clone());
                let server = HttpServer::new(app)
                    .workers(workers)
                    .disable_signals()
                    // A client that closes its socket is gone.
                    .h1_allow_half_closed(false)
                    .listen(listener)
                    .unwrap()
                    .run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        };
        let thread = Some(std::thread::spawn(serve));
        Self {
            client: Client::new(address),
            handle: started.recv().unwrap(),
            thread,
        }
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent by the call, without waiting for its end.
        drop(self.handle.stop(false));
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

pub(crate) fn audited() -> AuditMiddleware {
    AuditMiddleware::new(by_header)
}

/// A handler that answers with the actor.
pub(crate) async fn tell() -> String {
    actor_now()
}

/// A handler that answers with the actor of a bare task on its thread: `none`, unless a scope was
/// left behind there.
pub(crate) async fn tell_bare() -> String {
    rt::spawn(async { actor_now() }).await.unwrap()
}
