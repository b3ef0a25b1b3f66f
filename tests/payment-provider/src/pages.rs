//! The pages.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use jiff::Timestamp;

use crate::{
    cards::{Card, Entered, Fault},
    deliveries::{Answer, Attempt, Delivery, Standing},
    money,
    payments::{Interface, Payment, State},
};

/// How many payments the overview shows.
const SHOWN: usize = 50;

/// Why the form is shown again.
pub(crate) enum Trouble<'a> {
    None,
    Faults(&'a [Fault]),
    Declined(&'a str),
}

/// `GET /pay/{id}`
#[derive(Template)]
#[template(path = "pay.html")]
struct Pay<'a> {
    title: String,
    amount: String,
    payment: &'a Payment,
    entered: &'a Entered,
    trouble: Trouble<'a>,
    cards: [Card; 7],
}

impl Pay<'_> {
    /// What is wrong with a field.
    fn fault(&self, field: &str) -> Option<&'static str> {
        match &self.trouble {
            Trouble::Faults(faults) => faults.iter().find(|fault| fault.field == field).map(|fault| fault.message),
            Trouble::None | Trouble::Declined(_) => None,
        }
    }
}

/// `GET /pay/{id}` when its time is over.
#[derive(Template)]
#[template(path = "expired.html")]
struct Expired<'a> {
    title: &'static str,
    payment: &'a Payment,
}

/// `GET /`
#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    title: &'static str,
    rows: Vec<Row<'a>>,
    more: usize,
}

/// A payment with its deliveries.
struct Row<'a> {
    payment: &'a Payment,
    deliveries: Vec<&'a Delivery>,
    open: bool,
}

/// What did not work.
#[derive(Template)]
#[template(path = "problem.html")]
struct Problem<'a> {
    title: &'a str,
    detail: &'a str,
}

impl Row<'_> {
    fn amount(&self) -> String {
        money::shown(self.payment.asked.amount_minor, self.payment.asked.currency)
    }

    fn state(&self) -> String {
        match (self.payment.state, self.payment.refunded_minor) {
            (State::Open, _) => "can be paid".into(),
            (State::Expired, _) => "expired".into(),
            (State::Paid, 0) => "paid".into(),
            (State::Paid, refunded) => {
                format!("paid; {} refunded", money::shown(refunded, self.payment.asked.currency))
            }
        }
    }

    fn interface(&self) -> &'static str {
        match self.payment.interface {
            Interface::Stripe => "Stripe's checkout",
            Interface::Generic => "generic",
        }
    }
}

pub(crate) fn pay(payment: &Payment, entered: &Entered, trouble: Trouble<'_>) -> Response {
    let amount = money::shown(payment.asked.amount_minor, payment.asked.currency);
    let error = if matches!(trouble, Trouble::None) { "" } else { "Error: " };
    page(&Pay { title: format!("{error}Pay {amount}"), amount, payment, entered, trouble, cards: Card::ALL })
}

pub(crate) fn expired(payment: &Payment) -> Response {
    (StatusCode::GONE, page(&Expired { title: "This payment has expired", payment })).into_response()
}

pub(crate) fn overview(payments: &[Payment], deliveries: &[Delivery], now: Timestamp) -> Response {
    let rows = payments.iter().take(SHOWN).map(|payment| {
        let deliveries = deliveries.iter().filter(|delivery| delivery.payment == payment.id).collect();
        Row { payment, deliveries, open: payment.is_open(now) }
    });
    page(&Overview { title: "Payments", rows: rows.collect(), more: payments.len().saturating_sub(SHOWN) })
}

pub(crate) fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    (status, page(&Problem { title, detail })).into_response()
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => Html(page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn standing(delivery: &Delivery) -> &'static str {
    match delivery.standing {
        Standing::Waiting => "not delivered yet",
        Standing::Delivered => "delivered",
        Standing::GivenUp => "given up",
    }
}

fn answered(attempt: &Attempt) -> String {
    let what = match &attempt.answer {
        Answer::Status(status) => format!("answered {status}"),
        Answer::Failed(reason) => format!("not reached: {reason}"),
        Answer::Lost => "lost on the way, as the card wants it".into(),
    };
    format!("{}: {what}", time(attempt.at))
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_escaped() {
        let page = Problem { title: "t", detail: "<script>" }.render().unwrap_or_default();
        assert!(page.contains("&#60;script&#62;"), "{page}");
    }
}
