//! What comes in and what goes out.

mod checkout;
mod orders;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;
mod shop;

pub(crate) use checkout::{Action, CheckoutPage, OrderPlaced, RawForm, ReviewPage};
pub(crate) use orders::{Cancelled, HistoryPage, LinkQuery, OrderPage, OwnQuery, Reissued};
pub(crate) use shop::{CartPage, CataloguePage, PartnersPage, beside_lines, cart_address, raw_lines, typed_cart};
