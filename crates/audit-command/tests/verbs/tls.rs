//! Connections with TLS, to servers that take no others.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use audit_testkit::{Server, TestDatabase};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::{audit, ended};

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// An authority: its certificate, and what it signs with.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

/// A server of this test alone, which ends with it.
struct TlsServer {
    child: Child,
    signal: &'static str,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args([self.signal, &id]).status();
        let _ = self.child.wait();
    }
}

/// The account that the servers of the test run belong to, and what it runs here.
struct Account {
    user: u32,
    group: u32,
    folder: tempfile::TempDir,
}

impl Account {
    /// That of a folder of such a server.
    fn of(data: &str) -> Self {
        let data = fs::metadata(data).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let account = Self {
            user: data.uid(),
            group: data.gid(),
            folder,
        };
        account.own(account.folder.path());
        account
    }

    fn own(&self, path: &Path) {
        chown(path, Some(self.user), Some(self.group)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        self.own(&self.path(name));
    }

    /// Writes the certificate of a server called `localhost`, the authority it is of, and another.
    fn certify(&self) {
        let (pem, issuer) = authority();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        self.write("server.crt", &certificate.pem());
        self.write("server.key", &key.serialize_pem());
        self.write("authority.crt", &pem);
        self.write("other.crt", &authority().0);
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .uid(self.user)
            .gid(self.group)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn start(self, mut command: Command, signal: &'static str, port: u16) -> TlsServer {
        let child = command.spawn().unwrap();
        TlsServer {
            child,
            signal,
            port,
            folder: self.folder,
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// What a server of the test run says of itself.
async fn told(server: Server, question: &str) -> String {
    let database = TestDatabase::create(server).await;
    let rows = database.raw().await.texts(question).await;
    rows[0][0].clone().unwrap()
}

async fn postgres_server() -> TlsServer {
    let server = Server::Postgres15;
    let programs = told(
        server,
        "SELECT setting FROM pg_config WHERE name = 'BINDIR'",
    )
    .await;
    let programs = Path::new(&programs);
    let account = Account::of(&told(server, "SHOW data_directory").await);
    account.certify();
    let data = account.path("data");
    let mut initdb = account.command(&programs.join("initdb"));
    initdb.args([
        "--username=postgres",
        "--no-sync",
        "--auth=trust",
        "--pgdata",
    ]);
    assert!(initdb.arg(&data).status().unwrap().success());
    let access = data.join("pg_hba.conf");
    fs::write(access, "hostssl all all 127.0.0.1/32 trust\n").unwrap();
    let port = free_port();
    let mut command = account.command(&programs.join("postgres"));
    command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    let file = |name| account.path(name).display().to_string();
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "fsync=off".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", file("server.crt")),
        format!("ssl_key_file={}", file("server.key")),
    ] {
        command.args(["-c", &setting]);
    }
    account.start(command, "-INT", port)
}

async fn mariadb_server() -> TlsServer {
    let server = Server::MariaDb;
    let base = told(server, "SELECT @@basedir").await;
    let account = Account::of(&told(server, "SELECT @@datadir").await);
    account.certify();
    let data = format!("--datadir={}", account.path("data").display());
    let mut install = account.command(&Path::new(&base).join("bin/mariadb-install-db"));
    install.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
    install.args(["--skip-test-db", "--skip-name-resolve", &data]);
    assert!(install.status().unwrap().success());
    account.write(
        "setup.sql",
        "CREATE DATABASE app;\nCREATE USER ann@'%' IDENTIFIED BY 'pw';\nGRANT ALL ON *.* TO ann@'%';\n",
    );
    let port = free_port();
    let mut command = account.command(&Path::new(&base).join("sbin/mariadbd"));
    let file = |name: &str| account.path(name).display().to_string();
    command
        .args(["--no-defaults", "--bind-address=127.0.0.1", &data])
        .args(["--require-secure-transport=ON", "--skip-name-resolve"])
        .arg(format!("--port={port}"))
        .arg(format!("--socket={}", file("socket")))
        .arg(format!("--pid-file={}", file("pid")))
        .arg(format!("--init-file={}", file("setup.sql")))
        .arg(format!("--ssl-cert={}", file("server.crt")))
        .arg(format!("--ssl-key={}", file("server.key")));
    account.start(command, "-TERM", port)
}

impl TlsServer {
    fn authority(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Waits until the command gets through to the server.
    fn ready(&mut self, url: &str) {
        let start = Instant::now();
        let is_open = || {
            let opened = audit(Some(url), &["migrate", "status"]).output().unwrap();
            opened.status.code() == Some(1)
        };
        while !is_open() {
            assert!(start.elapsed() < PATIENCE, "the server does not answer");
            assert_eq!(self.child.try_wait().unwrap(), None);
        }
    }
}

/// That the command migrates over a connection that is checked in full; and where it opens none.
fn is_checked(server: &mut TlsServer, url: impl Fn(&str, &str, Option<&str>) -> String) {
    let (ours, other) = (
        server.authority("authority.crt"),
        server.authority("other.crt"),
    );
    let full = url("localhost", "full", Some(&ours));
    server.ready(&full);
    let (code, _, said) = ended(Some(&full), &["migrate", "up", "--without-rules"]);
    assert_eq!(code, 0, "{said}");
    for (host, mode, authority, opens) in [
        ("localhost", "full", Some(&ours), true),
        ("127.0.0.1", "authority", Some(&ours), true),
        // The certificate is for another name; of another authority; of one that nobody named.
        ("127.0.0.1", "full", Some(&ours), false),
        ("localhost", "full", Some(&other), false),
        ("localhost", "authority", Some(&other), false),
        ("localhost", "full", None, false),
    ] {
        let url = url(host, mode, authority.map(String::as_str));
        let (code, _, said) = ended(Some(&url), &["migrate", "status"]);
        assert_eq!(code, if opens { 0 } else { 3 }, "{url}: {said}");
        assert_eq!(
            said.contains("a certificate for this host"),
            !opens,
            "{said}"
        );
    }
    // Without TLS it is the server that refuses: what opened above was TLS.
    let (code, _, said) = ended(Some(&url("127.0.0.1", "none", None)), &["log"]);
    assert_eq!(code, 3, "{said}");
}

mod postgres15 {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_certificate_of_a_server_is_checked() {
        let mut server = postgres_server().await;
        let port = server.port;
        is_checked(&mut server, |host, mode, authority| {
            let mode = match mode {
                "full" => "verify-full",
                "authority" => "verify-ca",
                _ => "disable",
            };
            let authority = authority.map(|file| format!("&sslrootcert={file}"));
            let authority = authority.unwrap_or_default();
            format!("postgres://postgres@{host}:{port}/postgres?sslmode={mode}{authority}")
        });
    }
}

mod mariadb {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_certificate_of_a_server_is_checked() {
        let mut server = mariadb_server().await;
        let port = server.port;
        is_checked(&mut server, |host, mode, authority| {
            let mode = match mode {
                "full" => "VERIFY_IDENTITY",
                "authority" => "VERIFY_CA",
                _ => "DISABLED",
            };
            let authority = authority.map(|file| format!("&ssl-ca={file}"));
            let authority = authority.unwrap_or_default();
            format!("mysql://ann:pw@{host}:{port}/app?ssl-mode={mode}{authority}")
        });
    }
}
