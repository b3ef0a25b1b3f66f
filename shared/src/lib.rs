//! The rules of the journey from invitation to launch.
//!
//! Pure: no I/O, no clock, no randomness that was not handed in. Every rule is a plain function from what is
//! known (a record's stage, a command, the time) to a decision or a [`refusal::Refusal`].

pub mod account;
pub mod audit;
pub mod batch;
pub mod captcha;
pub mod checkout;
pub mod config;
pub mod credential;
pub mod dead_letter;
pub mod decision;
pub mod delivery;
pub mod effect;
mod envelope;
pub mod event;
pub mod invitation;
pub mod journey;
pub mod launch;
pub mod licence;
pub mod lockout;
pub mod mailbox;
pub mod message;
pub mod operator;
pub mod order;
pub mod organisation;
pub mod password;
pub mod payment;
pub mod postal;
pub mod promo;
pub mod quota;
pub mod refusal;
pub mod registration;
pub mod secret;
pub mod stripe;
pub mod team;
pub mod totp;
pub mod values;
pub mod webhook;
pub mod webstore;

#[cfg(test)]
mod testing;
