//! Every page of every component in every state, as the files that a browser would be sent.
//!
//! The components' own `samples` are shown by the edge that serves real requests: same templates, same frame, same headers.

mod files;

use std::{cell::RefCell, collections::BTreeMap};

use anyhow::{Context, anyhow, ensure};
use edge::{
    Edge, Reply,
    drain::Hands,
    gallery::{Album, Sample},
    serve::serve,
    testing::{Deployment, Double, request},
};
use http::{Method, StatusCode};
use kv_schema::backends::{model::Backend, turns::alone};
use shared::config::Gateway;

pub use files::{Listed, directory, write};

/// With a hardware token, so that its pages are seen too.
const CONFIGURATION: &str = concat!(include_str!("../../../gateway.toml"), include_str!("../../hardware-token.toml"));
/// 32 bytes in base64: enough for pages that nobody keeps.
const ROOT_SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Showing pages takes no turn at the store.
const TURNS_MAX: usize = 1;

/// The samples of one component.
#[derive(Debug)]
pub struct Room {
    /// The component's name.
    pub component: &'static str,
    /// Its pages.
    pub samples: Vec<Sample>,
}

type Samples = fn(&mut Album<'_, Double>);

/// Every component that has pages. `edge` has the pages of refusals and faults.
const COMPONENTS: [(&str, Samples); 15] = [
    ("invite", invite::samples),
    ("register", register::samples),
    ("activate", activate::samples),
    ("sign-in", sign_in::samples),
    ("dashboard", dashboard::samples),
    ("administer", administer::samples),
    ("accept-terms", accept_terms::samples),
    ("webstore-checkout", webstore_checkout::samples),
    ("payments", payments::samples),
    ("credentials", credentials::samples),
    ("verify-otp", verify_otp::samples),
    ("launch", launch::samples),
    ("operate", operate::samples),
    ("fulfilment", fulfilment::samples),
    ("edge", edge::gallery::samples),
];

/// What pages fetch besides what has a path of its content: the captcha's script, and the challenge that it solves.
pub const FETCHED: [&str; 2] = ["/assets/captcha.js", "/register/challenge"];

/// All rooms, in the order of the journey.
///
/// # Errors
/// When the repository's configuration is not valid, or a page cannot be rendered.
pub fn rooms() -> anyhow::Result<Vec<Room>> {
    let deployment = deployment()?;
    COMPONENTS.into_iter().map(|(component, samples)| room(&deployment, component, samples)).collect()
}

/// The bodies of [`FETCHED`], in their order, as the service answers them.
///
/// # Errors
/// When the repository's configuration is not valid, or one is not answered.
pub fn fetched() -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let deployment = deployment()?;
    let handler = async |edge: &Edge<Double>, request: &edge::Request| match request.path.as_str() {
        "/register/challenge" => register::handle(edge, request).await,
        _ => dashboard::handle(edge, request).await,
    };
    let answered = |path| {
        let asked = request(Method::GET, path, &[], Vec::new());
        let reply = alone(serve(deployment.platform(), Ok(asked), handler, Hands::none()), TURNS_MAX);
        let reply = reply.filter(|reply| reply.status == StatusCode::OK);
        Ok((path, reply.with_context(|| format!("{path}: {:?}", deployment.log_lines()))?.body))
    };
    FETCHED.into_iter().map(answered).collect()
}

fn deployment() -> anyhow::Result<Deployment> {
    let gateway = Gateway::parse(CONFIGURATION).map_err(|error| anyhow!("gateway.toml: {error:?}"))?;
    let variables = [("public_url", "https://vestibule.example"), ("root_secret", ROOT_SECRET)];
    let variables: BTreeMap<String, String> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Deployment::new(Backend::Sqlite, gateway, variables))
}

fn room(deployment: &Deployment, component: &'static str, samples: Samples) -> anyhow::Result<Room> {
    let shown = RefCell::new(Vec::new());
    let handler = async |edge: &Edge<Double>, _: &edge::Request| {
        let mut album = Album::new(edge);
        samples(&mut album);
        *shown.borrow_mut() = album.into_samples()?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    };
    let opening = request(Method::GET, "/", &[], Vec::new());
    let reply = alone(serve(deployment.platform(), Ok(opening), handler, Hands::none()), TURNS_MAX);
    let status = reply.map(|reply| reply.status);
    ensure!(status == Some(StatusCode::NO_CONTENT), "{component}: {status:?} {:?}", deployment.log_lines());
    Ok(Room { component, samples: shown.into_inner() })
}
