//! Starting an application of the two test components, and talking to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpStream;
use vestibule_host::{Options, Running};

const TARGET: &str = "wasm32-wasip2";

/// An answer, its body read as text.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

/// An application on disk; its manifest grants the probe what the tests need and no more.
pub struct Application {
    pub directory: TempDir,
}

impl Application {
    pub fn new() -> Self {
        Self::with_manifest(MANIFEST)
    }

    pub fn with_manifest(manifest: &str) -> Self {
        let directory = tempfile::tempdir().expect("there is room");
        let manifest = manifest
            .replace("EMPTY.wasm", &component("empty").display().to_string())
            .replace("PROBE.wasm", &component("probe").display().to_string());
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("is written");
        write("spin.toml", &manifest);
        write("settings.txt", "settings from the manifest's directory");
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Options that share compiled components between tests.
    pub fn options(&self) -> Options {
        let mut options = Options::new(self.path("spin.toml"));
        options.cache_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("host-cache");
        options.request_deadline = std::time::Duration::from_secs(5);
        options
    }

    pub async fn start(&self) -> Running {
        start(self.options()).await
    }
}

const MANIFEST: &str = r#"
spin_manifest_version = 2

[application]
name = "test"

[variables]
greeting = { default = "hello" }
called = { default = "http://127.0.0.1:1" }

[[trigger.http]]
route = "/empty"
component = "empty"

[[trigger.http]]
route = "/probe/..."
component = "probe"

[[trigger.http]]
route = "/probe/head/:name"
component = "probe"

# Called by other components only.
[[trigger.http]]
route = { private = true }
component = "second"

[component.empty]
source = "EMPTY.wasm"

[component.second]
source = "PROBE.wasm"
key_value_stores = ["default"]

[component.probe]
source = "PROBE.wasm"
environment = { COLOUR = "blue" }
files = [{ source = "settings.txt", destination = "/etc/settings.txt" }]
key_value_stores = ["default"]
allowed_outbound_hosts = ["{{ called }}", "http://second.spin.internal"]
variables = { salutation = "{{ greeting }} there" }
"#;

pub async fn start(options: Options) -> Running {
    vestibule_host::start(options).await.expect("the application starts")
}

/// Asks the probe for a deed and expects it to be done.
pub async fn probe(running: &Running, deed: &str, body: impl Into<Bytes>) -> String {
    let answer = ask(running, deed, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{deed}: {}", answer.text);
    answer.text
}

/// Asks the probe for a deed.
pub async fn ask(running: &Running, deed: &str, body: impl Into<Bytes>) -> Answer {
    let request = Request::post(format!("/probe/{deed}")).body(Full::new(body.into())).expect("is a request");
    send(running.address(), request).await
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, Request::get(path).body(Full::default()).expect("is a request")).await
}

pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    send_on(&mut connect(address).await, request).await
}

pub async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("is a TCP stream");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("is HTTP");
    tokio::spawn(connection);
    sender
}

pub async fn send_on(connection: &mut SendRequest<Full<Bytes>>, mut request: Request<Full<Bytes>>) -> Answer {
    request.headers_mut().entry(http::header::HOST).or_insert(http::HeaderValue::from_static("test.example"));
    let (head, body) = connection.send_request(request).await.expect("is answered").into_parts();
    let body = body.collect().await.expect("the answer is complete").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("the answer is text");
    Answer { status: head.status, headers: head.headers, text }
}

/// The compiled test component, built when first asked for.
fn component(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let target = BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("is target/tmp").to_path_buf();
        for name in ["empty", "probe"] {
            build(name, &target);
        }
        target
    });
    target.join(TARGET).join("release").join(format!("vestibule_test_{name}.wasm"))
}

fn build(name: &str, target: &Path) {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/components").join(name).join("Cargo.toml");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", TARGET, "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "component {name} does not build; is the target installed? rustup target add {TARGET}");
}
