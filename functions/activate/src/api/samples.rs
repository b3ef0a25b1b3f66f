//! Samples of this component's pages.

use edge::{
    Platform,
    form::FormFaults,
    gallery::{Album, Visitor},
    reply::Scripts,
};
use http::StatusCode;
use shared::refusal::{Faults, Refusal};

use super::ActivatePage;

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let asked = edge.gateway.service.security_questions.clone().unwrap_or_default();
    let page = |questions: &[String], faults| ActivatePage {
        title: "Activate your account",
        faults,
        token: "token-of-the-link".to_owned(),
        name: "Ada Byron".to_owned(),
        email: "ada@kestrel.example".to_owned(),
        user_id: "ada.byron".to_owned(),
        password_min_code_points: edge.gateway.service.password_min_code_points,
        security_questions: questions.to_vec(),
        chosen: [asked.first().cloned().unwrap_or_default(), String::new(), String::new()],
    };
    album
        .visit(Visitor::Stranger, "/activate")
        .running(Scripts::Ours)
        .page("blank", StatusCode::OK, &page(&asked, FormFaults::none()))
        .page("without-questions", StatusCode::OK, &page(&[], FormFaults::none()))
        .refused("faults", faults(), "password", |faults| page(&asked, faults));
}

fn faults() -> Refusal {
    let mut faults = Faults::default();
    faults.add("password", "too-short", "Use at least 15 characters; a short sentence works well.");
    faults.add("answer_1", "too-short", "Answer 1: enter at least 2 characters.");
    faults.add("question_2", "not-chosen", "Choose question 2 from the list.");
    faults.refuse()
}
