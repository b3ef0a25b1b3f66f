//! The double as shops and people meet it: held against the libraries that shops use, and looked at in a browser.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

mod generic;
mod node;
mod pages;
mod place;
mod shop;
mod stripe;
mod webhooks;
