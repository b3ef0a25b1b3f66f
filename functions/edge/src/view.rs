//! Pages and documents from the same data: a View is what a route shows, as JSON or as HTML.

use std::any::Any;

use askama::Template;
use http::StatusCode;
use serde::Serialize;

use crate::{failure::Failure, reply::Reply};

/// What a route shows: the same data as JSON and as a page. Every View has samples in its component's function `samples`
/// (`gallery`), which a browser and axe examine.
pub trait View: Serialize + Template {}
impl<T: Serialize + Template> View for T {}

/// What belongs to the request and not to the View: the service's name, the anti-forgery token, who is signed in.
#[derive(Debug, Default, Clone)]
pub struct Frame(Vec<(&'static str, String)>);

impl Frame {
    /// Sets a value that the frame's templates ask for by name.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
    }
}

impl askama::Values for Frame {
    fn get_value<'a>(&'a self, key: &str) -> Option<&'a dyn Any> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value as &dyn Any)
    }
}

/// The View as a page.
///
/// # Errors
/// A fault when the template cannot be rendered.
pub fn page<V: View>(status: StatusCode, view: &V, frame: &Frame) -> Result<Reply, Failure> {
    let html = view.render_with_values(frame).map_err(|error| Failure::Fault(format!("template: {error}")))?;
    Ok(Reply::with(status, "text/html; charset=utf-8", html))
}

/// The View as JSON.
///
/// # Errors
/// A fault when the View cannot be serialised.
pub fn document<V: Serialize>(status: StatusCode, view: &V) -> Result<Reply, Failure> {
    Ok(Reply::with(status, "application/json", json(view)?))
}

/// The View as JSON, as a part of a reply.
///
/// # Errors
/// A fault when the View cannot be serialised.
pub fn json<V: Serialize>(view: &V) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(view).map_err(|error| Failure::Fault(format!("json: {error}")))
}
