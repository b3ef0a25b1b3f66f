//! Customers before their orders: whoever holds an order's link, or has ordered it signed in (SHP-1).

use kv_schema::record::Stored;
use shared::{account::Account, order::Order, refusal::Refusal, secret::PlainToken, values::OrderId};

use crate::{edge::Edge, failure::Failure, platform::Platform, request::Request};

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
