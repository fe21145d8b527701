//! The server that stays.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use audit_core::Event;
use audit_store::export::{Csv, Format};
use audit_testkit::{Server, TestDatabase};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use super::Example;

/// How a body in chunks ends (RFC 9112, section 7.1).
const END: &[u8] = b"\r\n0\r\n\r\n";

/// A server on a free port, gone with this value.
pub(super) struct Running {
    process: Child,
    pub(super) url: String,
    pub(super) alice: String,
    pub(super) bob: String,
    agent: Agent,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The id of the request.
    pub(super) request_id: String,
    /// The value of `www-authenticate`.
    pub(super) challenge: Option<String>,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::from(self.text.as_str()))
    }
}

impl Running {
    pub(super) fn start(example: Example, arguments: &[&str]) -> Self {
        let mut process = example
            .command(&[&["--port", "0"], arguments].concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (mut url, mut alice, mut bob) = (String::new(), String::new(), String::new());
        for line in lines.map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix("serving on ") {
                url = rest.to_owned();
            }
            if let Some(rest) = line.strip_prefix("alice='authorization: ") {
                alice = rest.trim_end_matches('\'').to_owned();
            }
            if let Some(rest) = line.strip_prefix("bob='authorization: ") {
                bob = rest.trim_end_matches('\'').to_owned();
            }
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        // A server may close the connection of a request that it refused before its body came.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .build();
        Self {
            process,
            url,
            alice,
            bob,
            agent: config.new_agent(),
        }
    }

    fn add_user(&self, token: &str) -> (u16, String) {
        let mut response = self
            .agent
            .post(format!("{}/users", self.url))
            .header("authorization", token)
            .send_json(json!({"name": "Ann", "email": "a@x", "password": "secret"}))
            .unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_to_string().unwrap(),
        )
    }

    /// A request with a token, or without where that is empty.
    pub(super) fn send(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", "application/json");
        if !token.is_empty() {
            request = request.header("authorization", token);
        }
        let request = request.body(body.to_string()).unwrap();
        let mut response = self.agent.run(request).unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        Answer {
            status: response.status().as_u16(),
            request_id: header("x-request-id").unwrap(),
            challenge: header("www-authenticate"),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }

    /// A request of alice: its status, and what it was answered.
    pub(super) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let answer = self.send(&self.alice, method, path, body);
        (answer.status, answer.text)
    }

    /// What alice is answered.
    pub(super) fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.send(&self.alice, "GET", path, &Value::Null);
        (answer.status, answer.json())
    }

    fn audit(&self, query: &str) -> (u16, Value) {
        self.get(&format!("/audit?{query}"))
    }

    fn count(&self, query: &str) -> usize {
        let (status, events) = self.audit(query);
        assert_eq!(status, 200, "{events}");
        events.as_array().unwrap().len()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ctrl-C, so that it takes its file with it.
        let id = self.process.id().to_string();
        let asked = Command::new("kill").args(["-INT", &id]).status();
        assert!(asked.is_ok_and(|status| status.success()));
        self.process.wait().unwrap();
    }
}

/// `GET /audit` with each filter.
pub fn the_trail_is_narrowed_by_each_filter(example: Example) {
    let server = Running::start(example, &[]);
    for _ in 0..2 {
        assert_eq!(server.add_user(&server.alice).0, 201);
    }
    assert_eq!(server.count(""), 2);
    assert_eq!(server.count("table=users"), 2);
    assert_eq!(server.count("table=invoices"), 0);
    assert_eq!(server.count("table=users&record=2"), 1);
    assert_eq!(server.count("actor=alice&since=1h"), 2);
    assert_eq!(server.count("actor=bob"), 0);
    assert_eq!(server.count("until=1h"), 0);
    let (_, newest) = server.audit("limit=1");
    let request = newest[0]["request_id"].as_str().unwrap();
    assert_eq!(server.count(&format!("request={request}")), 1);
    assert_eq!(server.count("since=2999-01-01T00:00:00Z"), 0);
    assert_eq!(server.count("limit=1"), 1);
    let (_, newest) = server.audit("limit=1");
    assert_eq!(newest[0]["record_id"], "2");
}

/// `GET /audit/export/{form}`: in every form the events of `GET /audit`, in several pages.
pub fn the_trail_is_downloaded_as_a_file(example: Example) {
    let server = Running::start(example, &[]);
    for _ in 0..5 {
        assert_eq!(server.add_user(&server.alice).0, 201);
    }
    let (_, listed) = server.ask("GET", "/audit?actor=alice", &json!(null));
    let listed: Vec<Event> = Format::Json
        .read(listed.as_bytes())
        .map(Result::unwrap)
        .collect();
    assert_eq!(listed.len(), 5);
    for (form, format, extension) in [
        ("cloudevents", Format::CloudEvents, "ndjson"),
        ("csv", Format::Csv(Csv::default()), "csv"),
        ("ecs", Format::Ecs, "ndjson"),
        ("json", Format::Json, "json"),
        ("ndjson", Format::Ndjson, "ndjson"),
        ("ocsf", Format::Ocsf, "ndjson"),
    ] {
        let url = format!("{}/audit/export/{form}?actor=alice&limit=2", server.url);
        let request = server.agent.get(url).header("authorization", &server.alice);
        let mut response = request.call().unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), format.content_type());
        let name = format!("attachment; filename=\"audit_logs.{extension}\"");
        assert_eq!(header("content-disposition"), name);
        let file = response.body_mut().read_to_vec().unwrap();
        let read: Vec<Event> = format.read(file.as_slice()).map(Result::unwrap).collect();
        assert_eq!(read, listed, "{form}");
    }
    for query in ["since=noon", "limit=0", "tabel=users"] {
        let (status, answer) = server.get(&format!("/audit/export/csv?{query}"));
        assert_eq!(status, 400, "{query}: {answer}");
    }
}

/// A log that is gone while it is downloaded: the answer has no end, so that nobody takes it for
/// whole.
pub async fn a_download_that_breaks_off_has_no_end(example: Example) {
    let database = TestDatabase::create(Server::Sqlite).await;
    let server = Running::start(example, &["--database-url", database.url()]);
    let mut raw = database.raw().await;
    // More than what may be on its way.
    raw.run(
        "INSERT INTO audit_logs (occurred_at, id, schema_version, operation, outcome, actor_kind, \
         source, label) \
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4000) \
         SELECT '2026-01-02T03:04:05.000000Z', randomblob(16), 1, 'CUSTOM', 'success', 'system', \
         'manual', hex(zeroblob(5000)) FROM numbers",
    )
    .await;
    let address = server.url.trim_start_matches("http://");
    let ask = || {
        let mut stream = TcpStream::connect(address).unwrap();
        let token = &server.alice;
        let request = format!(
            "GET /audit/export/ndjson HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let (mut whole, mut cut) = (Vec::new(), vec![0; 1024]);
    ask().read_to_end(&mut whole).unwrap();
    assert!(whole.starts_with(b"HTTP/1.1 200") && whole.ends_with(END));
    let mut stream = ask();
    stream.read_exact(&mut cut).unwrap();
    raw.run("DROP TABLE audit_logs").await;
    // The connection may also be reset.
    let _ = stream.read_to_end(&mut cut);
    assert!(cut.starts_with(b"HTTP/1.1 200") && !cut.ends_with(END));
    assert!(cut.len() < whole.len());
}

/// `GET /audit` with what no filter is.
pub fn a_filter_that_makes_no_sense_is_refused(example: Example) {
    let server = Running::start(example, &[]);
    for query in ["tabel=users", "since=noon", "limit=0", "limit=-1"] {
        let (status, answer) = server.audit(query);
        assert_eq!(status, 400, "{query}: {answer}");
    }
    let (_, answer) = server.audit("since=noon");
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .starts_with("`noon` is no time"),
        "{answer}"
    );
}

/// A forged token.
pub fn a_token_that_does_not_hold_changes_nothing(example: Example) {
    let server = Running::start(example, &[]);
    let mut forged = server.alice.clone();
    let last = forged.pop();
    forged.push(if last == Some('A') { 'Q' } else { 'A' });
    let (status, answer) = server.add_user(&forged);
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("\"error\""), "{answer}");
    assert_eq!(server.count(""), 0);
}

/// The status codes of the contract, each with nothing recorded.
pub async fn what_cannot_be_done_is_answered_with_its_status(example: Example, server: Server) {
    let database = TestDatabase::create(server).await;
    let server = Running::start(example, &["--database-url", database.url()]);
    let invoice = json!({"total": "1.50", "details": {}});
    let unpaid = json!({"total": "a lot", "details": {}});
    let line = json!([{"line_no": 1, "item": "desk", "quantity": 1}]);
    let (status, answer) = server.ask("POST", "/invoices/acme/1", &invoice);
    assert_eq!(status, 201, "{answer}");
    for (method, path, body, wanted) in [
        ("PUT", "/users/7/name", json!({"name": "Ann"}), 404),
        ("PUT", "/users/7/password", json!({"password": "x"}), 404),
        ("POST", "/invoices/acme/7/approve", json!({}), 404),
        ("DELETE", "/invoices/nobody", json!({}), 404),
        ("POST", "/invoices/acme/1", invoice, 409),
        ("POST", "/invoices/acme/2", unpaid, 400),
        ("POST", "/invoices/acme/7/lines", line, 409),
    ] {
        let (status, answer) = server.ask(method, path, &body);
        assert_eq!(status, wanted, "{method} {path}: {answer}");
        assert!(answer.contains("\"error\""), "{method} {path}: {answer}");
    }
    assert_eq!(server.count(""), 1);
    assert_eq!(server.add_user(&server.alice).0, 201);
    let (status, users) = server.ask("GET", "/users", &json!({}));
    let ann = json!([{"id": 1, "name": "Ann", "email": "a@x"}]);
    assert_eq!(
        (status, serde_json::from_str(&users).ok()),
        (200, Some(ann))
    );
}
