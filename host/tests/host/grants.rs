//! A component may touch what its manifest grants, and nothing else.

use vestibule_host::Address;

use crate::support::{Application, ask, get, probe, start};

#[tokio::test(flavor = "multi_thread")]
async fn stores_variables_files_and_environment_are_those_of_the_manifest() {
    let application = Application::new();
    let running = application.start().await;
    assert_eq!(probe(&running, "variable/salutation", "").await, "hello there");
    assert_eq!(probe(&running, "environment/COLOUR", "").await, "blue");
    assert_eq!(probe(&running, "read/etc/settings.txt", "").await, "settings from the manifest's directory");

    assert!(ask(&running, "open/other", "").await.text.contains("AccessDenied"));
    assert!(ask(&running, "wasi-open/other", "").await.text.contains("AccessDenied"));
    assert!(ask(&running, "variable/greeting", "").await.text.contains("Undefined"));
    assert!(ask(&running, "variable/No-Name", "").await.text.contains("InvalidName"));
    assert!(ask(&running, "environment/PATH", "").await.text.contains("NotPresent"));
    assert_eq!(ask(&running, "read/etc/passwd", "").await.status, 500);
    assert_eq!(ask(&running, "read/../etc/passwd", "").await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_only_and_can_be_overridden() {
    let application = Application::new();
    let mut options = application.options();
    std::fs::write(application.path("mine.txt"), "mine").expect("is written");
    options.file_overrides.insert("/etc/settings.txt".to_owned(), application.path("mine.txt"));
    let running = start(options).await;
    assert_eq!(probe(&running, "read/etc/settings.txt", "").await, "mine");
    for target in ["etc/settings.txt", "etc/new.txt", "new.txt"] {
        assert_eq!(ask(&running, &format!("write/{target}"), "changed").await.status, 500, "{target}");
    }
    assert_eq!(probe(&running, "read/etc/settings.txt", "").await, "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn outbound_requests_reach_only_granted_hosts() {
    let application = Application::new();
    let mut options = application.options();
    options.mailbox = Some(([127, 0, 0, 1], 0).into());
    options.address_variables.insert("called".to_owned(), Address::Mailbox(String::new()));
    let running = start(options).await;
    let mailbox = running.mailbox_address().expect("there is a mailbox");
    assert_eq!(probe(&running, "call", format!("http://{mailbox}/messages")).await, "200");

    let denied = ask(&running, "call", format!("http://{}/empty", running.address())).await;
    assert!(denied.text.contains("HttpRequestDenied"), "{}", denied.text);
    assert_eq!(get(running.address(), "/empty").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn components_call_those_that_they_were_granted_and_no_route_leads_to_private_ones() {
    let application = Application::new();
    let running = application.start().await;
    assert_eq!(probe(&running, "call", "http://second.spin.internal/probe/get/a").await, "200");
    assert_eq!(probe(&running, "call", "http://second.spin.internal/probe/open/other").await, "500", "its own grants");
    let denied = ask(&running, "call", "http://empty.spin.internal/").await;
    assert!(denied.text.contains("HttpRequestDenied"), "{}", denied.text);
    for path in ["/second", "/", "/private"] {
        assert_eq!(get(running.address(), path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_names_no_component_is_refused_at_the_start() {
    let application = Application::new();
    let manifest = std::fs::read_to_string(application.path("spin.toml")).expect("is there");
    let manifest = manifest.replace("http://second.spin.internal", "http://third.spin.internal");
    std::fs::write(application.path("spin.toml"), manifest).expect("is written");
    let Err(error) = vestibule_host::start(application.options()).await else { panic!("it started") };
    assert!(format!("{error:#}").contains("there is no component \"third\""), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_come_from_the_options_before_the_manifest() {
    let application = Application::new();
    let mut options = application.options();
    options.variables.insert("greeting".to_owned(), "good day".to_owned());
    let running = start(options).await;
    assert_eq!(probe(&running, "variable/salutation", "").await, "good day there");

    let mut options = application.options();
    options.address_variables.insert("greeting".to_owned(), Address::Application("/x".to_owned()));
    let running = start(options).await;
    let expected = format!("http://{}/x there", running.address());
    assert_eq!(probe(&running, "variable/salutation", "").await, expected);
}
