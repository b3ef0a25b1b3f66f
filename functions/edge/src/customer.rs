//! Customers before their orders: whoever holds an order's link, or has ordered it signed in (SHP-1).

use kv_schema::record::Stored;
use serde::Deserialize;
use shared::{account::Account, order::Order, refusal::Refusal, secret::PlainToken, values::OrderId};

use crate::{
    edge::Edge,
    failure::{BadRequest, Failure},
    platform::Platform,
    request::Request,
};

/// Below it are the pages of orders.
const ORDERS: &str = "/webstore-checkout/orders";

/// The wish of a customer that concerns an order: the form's fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawProof {
    /// The form's anti-forgery token.
    #[serde(default)]
    pub csrf: Option<String>,
    /// Of the order's link.
    #[serde(default)]
    pub token: Option<String>,
    /// Or the order's id, from who ordered it signed in.
    #[serde(default)]
    pub order: Option<String>,
}

/// How a customer left the payment provider's page, as the address says to which the provider sends them. It proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentOutcome {
    /// By paying: the provider's word is on its way.
    Made,
    /// Without paying.
    Left,
}

impl PaymentOutcome {
    /// Its name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Left => "left",
        }
    }
}

/// An order before its customer.
pub struct Proven {
    /// The order.
    pub order: Stored<Order>,
    /// The path of its page.
    pub path: String,
    /// The query that its page needs; empty where it needs none.
    query: String,
}

impl Proven {
    /// The address of its page.
    pub fn address(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The address of its page, as far as a further parameter can follow.
    pub fn address_before_parameter(&self) -> String {
        let more = if self.query.is_empty() { String::new() } else { format!("{}&", self.query) };
        format!("{}?{more}", self.path)
    }
}

impl<P: Platform> Edge<P> {
    /// The order to which a link leads.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`]; a fault of the store.
    pub async fn presented_order(&self, token: &str) -> Result<(PlainToken, Stored<Order>), Failure> {
        let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
        let id = OrderId::from_bytes(token.record());
        let stored = match self.kv().get::<Order>(&id).await? {
            Some(stored) => stored,
            // The page is opened at once; a plain read could be older than the order.
            None => self.kv().load::<Order>(&id).await?.ok_or(Refusal::LinkNotValid)?.into_stored(),
        };
        stored.value().present(&token)?;
        Ok((token, stored))
    }

    /// The order about which a form speaks, from whoever has its link or has ordered it signed in.
    ///
    /// # Errors
    /// As [`Edge::presented_order`] and [`Edge::own_order`]; [`BadRequest::Malformed`] for neither or both.
    pub async fn proven_order(&self, request: &Request, raw: &RawProof) -> Result<Proven, Failure> {
        match (&raw.token, &raw.order) {
            (Some(token), None) => {
                let (token, order) = self.presented_order(token).await?;
                Ok(Proven { order, path: ORDERS.to_owned(), query: format!("token={}", token.reveal()) })
            }
            (None, Some(id)) => {
                let order = self.own_order(request, id).await?;
                let path = format!("{ORDERS}/{}", order.value().id);
                Ok(Proven { order, path, query: String::new() })
            }
            _ => Err(BadRequest::Malformed.into()),
        }
    }

    /// Who is signed in, whatever organisation they act for: an order is a person's.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`]; a fault of the store.
    pub async fn customer(&self, request: &Request) -> Result<Account, Failure> {
        let (cookie, account) = self.session_account(request).await?;
        self.confirm_person(&cookie, &account)?;
        Ok(account)
    }

    /// One of a signed-in person's orders. Somebody else's does not exist (ACC-5).
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`]; [`Refusal::NotFound`]; a fault of the store.
    pub async fn own_order(&self, request: &Request, id: &str) -> Result<Stored<Order>, Failure> {
        let account = self.customer(request).await?;
        let id: OrderId = id.parse().map_err(|_| Refusal::NotFound)?;
        let stored = self.kv().get::<Order>(&id).await?.ok_or(Refusal::NotFound)?;
        stored.value().of_account(account.id)?;
        Ok(stored)
    }
}
