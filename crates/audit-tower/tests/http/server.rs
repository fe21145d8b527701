//! A server on a free port, on the thread of the test.

use std::net::SocketAddr;
use std::ops::Deref;

use audit_testkit::http::Client;
use axum::Router;
use tokio::net::TcpListener;

/// A running server and a client of it; it ends with the runtime of the test.
pub(crate) struct Server(Client);

impl Server {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self(Client::new(address))
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}
