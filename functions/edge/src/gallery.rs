//! Samples of every page, for a gallery to show and to examine: what a browser would be sent, with every header.
//!
//! A component's function `samples` fills an [`Album`] with every View that it has, in every state that looks different.

pub mod orders;

use http::{Method, StatusCode};
use shared::refusal::Refusal;

use crate::{
    edge::Edge,
    failure::{BadRequest, Failure, Outcome},
    form::FormFaults,
    platform::Platform,
    problem::Problem,
    reply::{Reply, Scripts},
    request::Request,
    serve::finish,
    view::{Frame, View},
};

/// One page in one state.
#[derive(Debug)]
pub struct Sample {
    /// The type of the View, without its path and parameters.
    pub view: &'static str,
    /// The state, in words that can stand in an address.
    pub state: &'static str,
    /// The whole reply.
    pub reply: Reply,
}

/// Who looks at a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// Nobody who is known.
    Stranger,
    /// A supplier who is signed in.
    Person,
    /// A supplier of several organisations who has chosen one.
    PersonOfSeveral,
    /// An operator on duty.
    Operator,
}

/// Samples in the order in which a visitor would meet them.
pub struct Album<'a, P: Platform> {
    edge: &'a Edge<P>,
    visitor: Visitor,
    path: String,
    scripts: Scripts,
    samples: Vec<Result<Sample, Failure>>,
}

impl<'a, P: Platform> Album<'a, P> {
    /// An empty album of pages that this edge would show.
    pub fn new(edge: &'a Edge<P>) -> Self {
        Self { edge, visitor: Visitor::Stranger, path: "/".to_owned(), scripts: Scripts::None, samples: Vec::new() }
    }

    /// The edge: configuration, keys, time and randomness for making samples.
    pub fn edge(&self) -> &'a Edge<P> {
        self.edge
    }

    /// Who looks at the samples that follow, and at which path.
    pub fn visit(&mut self, visitor: Visitor, path: &str) -> &mut Self {
        self.visitor = visitor;
        path.clone_into(&mut self.path);
        self.scripts = Scripts::None;
        self
    }

    /// Which scripts the samples that follow run, until the next visit; a handler says so with [`Reply::running`].
    pub fn running(&mut self, scripts: Scripts) -> &mut Self {
        self.scripts = scripts;
        self
    }

    /// A page as it is shown.
    pub fn page<V: View>(&mut self, state: &'static str, status: StatusCode, view: &V) -> &mut Self {
        self.shown::<V>(state, |edge, request| edge.show(request, status, view))
    }

    /// A form that was refused, with the faults in place. Which field a refusal without one belongs to, the caller says.
    pub fn refused<V: View>(
        &mut self,
        state: &'static str,
        refusal: Refusal,
        field: &str,
        form: impl FnOnce(FormFaults) -> V,
    ) -> &mut Self {
        self.shown::<V>(state, |edge, request| edge.refused_in_place(request, refusal.into(), field, form))
    }

    /// The page of a refusal or fault.
    pub fn problem(&mut self, state: &'static str, failure: &Failure) -> &mut Self {
        self.shown::<crate::serve::ProblemPage<'_>>(state, |edge, request| Ok(edge.refuse(request, failure)))
    }

    /// The page of a problem that is no refusal of the core.
    pub fn shown_problem(&mut self, state: &'static str, problem: &Problem) -> &mut Self {
        self.shown::<crate::serve::ProblemPage<'_>>(state, |edge, request| Ok(edge.show_problem(request, problem)))
    }

    /// A page as the component's own code shows it: for pages that are more than their View, such as one with a script.
    pub fn shown<V>(&mut self, state: &'static str, show: impl FnOnce(&Edge<P>, &Request) -> Outcome) -> &mut Self {
        let mut frame = Frame::default();
        match self.visitor {
            Visitor::Stranger => {}
            Visitor::Person => frame.set("person", "Ada Byron"),
            Visitor::PersonOfSeveral => {
                frame.set("person", "Ada Byron");
                frame.set("organization", "Kestrel Precision Castings Ltd");
            }
            Visitor::Operator => frame.set("operator", "Robin Registrar"),
        }
        *self.edge.frame.borrow_mut() = frame;
        self.edge.cookies.borrow_mut().clear();
        let headers = [("accept", "text/html")].into_iter().collect();
        let request = Request::new(Method::GET, &self.path, headers, Vec::new());
        let sample = show(self.edge, &request).map(|reply| {
            let reply = if self.scripts == Scripts::None { reply } else { reply.running(self.scripts) };
            let cookies = self.edge.cookies.borrow();
            Sample { view: bare_name::<V>(), state, reply: finish(reply, &cookies, Some(&self.edge.gateway)) }
        });
        self.samples.push(sample);
        self
    }

    /// All samples.
    ///
    /// # Errors
    /// The first that could not be rendered.
    pub fn into_samples(self) -> Result<Vec<Sample>, Failure> {
        self.samples.into_iter().collect()
    }
}

/// The problem pages that any component may answer with.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    album
        .visit(Visitor::Stranger, "/nowhere")
        .problem("not-found", &BadRequest::NoSuchRoute.into())
        .problem("link-not-valid", &Refusal::LinkNotValid.into())
        .problem("link-forgotten", &BadRequest::LinkForgotten.into())
        .problem("form-not-ours", &Refusal::FormNotOurs.into())
        .problem("fault", &Failure::Fault("the store is away".to_owned()))
        .visit(Visitor::Person, "/credentials")
        .problem("signed-in", &Refusal::NotFound.into())
        .problem("code-needed", &Refusal::OtpRequired.into())
        .visit(Visitor::Operator, "/operate/promo-batches")
        .problem("operator", &Refusal::RoleMissing { ask: "an operator with the role registrar".to_owned() }.into());
}

fn bare_name<V>() -> &'static str {
    let path = std::any::type_name::<V>();
    let path = path.split('<').next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path)
}
