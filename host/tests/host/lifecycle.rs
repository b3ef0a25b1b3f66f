//! Starting and stopping.

use std::path::Path;
use std::time::{Duration, Instant};

use vestibule_host::Options;

use crate::support::{Application, get, probe, start};

async fn refused(options: Options) -> String {
    match vestibule_host::start(options).await {
        Ok(_) => panic!("the application starts"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_finished_before_the_host_stops() {
    let application = Application::new();
    let running = application.start().await;
    let address = running.address();
    let under_way = tokio::spawn(async move { get(address, "/probe/sleep/500").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.shutdown().await.expect("stops");
    assert_eq!(under_way.await.expect("is answered").text, "slept");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_start_uses_the_compiled_components() {
    let application = Application::new();
    let cached = |directory: &Path| std::fs::read_dir(directory).expect("exists").count();
    let cache = application.path("cache");
    let options = || {
        let mut options = application.options();
        options.cache_dir.clone_from(&cache);
        options
    };
    start(options()).await.shutdown().await.expect("stops");
    assert_eq!(cached(&cache), 2);

    let mut second = options();
    second.progress = |line| panic!("compiles again: {line}");
    let started = Instant::now();
    let running = start(second).await;
    assert_eq!(get(running.address(), "/empty").await.status, 204);
    assert!(started.elapsed() < Duration::from_millis(300), "{:?}", started.elapsed());

    // A damaged file is replaced. (Damage to a file in use would be fatal: it is mapped into memory.)
    for entry in std::fs::read_dir(&cache).expect("exists") {
        let file = entry.expect("is an entry").path();
        std::fs::remove_file(&file).expect("is removed");
        std::fs::write(&file, "damaged").expect("is written");
    }
    assert_eq!(get(start(options()).await.address(), "/empty").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_ready_explains_itself() {
    let application = Application::new();
    let mut options = application.options();
    options.ready_path = Some("/probe/trap".to_owned());
    let error = refused(options).await;
    assert!(error.contains("GET /probe/trap was answered with 500"), "{error}");
    assert!(error.contains("probe: asked to"), "{error}");

    let mut options = application.options();
    options.ready_path = Some("/empty".to_owned());
    assert_eq!(probe(&start(options).await, "echo", "ready").await, "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_at_the_start() {
    let route = "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n[component.a]\n";
    let cases = [
        ("source = \"missing.wasm\"\n".to_owned(), "missing.wasm: cannot be read; are the components built?"),
        ("source = \"spin.toml\"\n".to_owned(), "is not a component"),
        ("source = \"PROBE.wasm\"\nkey_value_store = []\n".to_owned(), "unknown field `key_value_store`"),
        ("source = \"PROBE.wasm\"\nallowed_outbound_hosts = [\"example.org\"]\n".to_owned(), "has no scheme"),
        ("source = \"PROBE.wasm\"\nvariables = { a = \"{{ b }}\" }\n".to_owned(), "variable \"b\" is not declared"),
        ("source = \"PROBE.wasm\"\nfiles = [\"nowhere\"]\n".to_owned(), "nowhere cannot be copied"),
        (
            "source = \"PROBE.wasm\"\nfiles = [{ source = \"spin.toml\", destination = \"/../x\" }]\n".to_owned(),
            "leads outside",
        ),
        (
            "source = \"PROBE.wasm\"\n[variables]\nkey = { required = true }\n".to_owned(),
            "required variables have no value: key (set SPIN_VARIABLE_KEY)",
        ),
    ];
    for (rest, expected) in cases {
        let application = Application::with_manifest(&format!("{route}{rest}"));
        let error = refused(application.options()).await;
        assert!(error.contains(expected) && error.contains("spin.toml"), "{error}\ndoes not contain: {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_name_nothing_are_refused() {
    let application = Application::new();
    let mut options = application.options();
    options.variables.insert("nobody".to_owned(), "secret value".to_owned());
    let error = refused(options).await;
    assert!(error.contains("\"nobody\" is not declared") && !error.contains("secret value"), "{error}");

    let mut options = application.options();
    options.file_overrides.insert("/nowhere".to_owned(), application.path("spin.toml"));
    assert!(refused(options).await.contains("no component has files at \"/nowhere\""));

    for (text, expected) in [
        ("[key_value_store.default]\ntype = \"azure_cosmos\"\n", "unknown variant `azure_cosmos`"),
        ("[key_value_store.default]\ntype = \"redis\"\nurl = \"ftp://:s3cret@h\"\n", "key_value_store.default.url"),
    ] {
        let mut options = application.options();
        std::fs::write(application.path("runtime-config.toml"), text).expect("is written");
        options.runtime_config = Some(application.path("runtime-config.toml"));
        let error = refused(options).await;
        assert!(error.contains("runtime-config.toml") && error.contains(expected), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }

    let mut options = application.options();
    options.mailbox = Some(([0, 0, 0, 0], 0).into());
    assert!(refused(options).await.contains("not a loopback address"));
}
