//! What a form has just done, told on the page that it leads to: a sealed cookie, which that page takes away. So a notice
//! is our own words about our own records, never input that comes back; it is shown once, and once more at most, when the
//! first answer was lost on its way.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    secret::SealPurpose,
    values::{Seconds, Timestamp},
};

use crate::{
    cookies,
    edge::Edge,
    platform::Platform,
    request::{Encoding, Request},
};

/// A notice that was not shown by then is about the past.
pub const NOTICE_LIFETIME: Seconds = Seconds::minutes(5);

#[derive(Serialize, Deserialize)]
struct Left<T> {
    /// The page that it is for.
    page: String,
    at: Timestamp,
    what: T,
}

impl<P: Platform> Edge<P> {
    /// Leaves a notice for the page at this path, which a form leads to; a program has its answer already.
    pub fn leave_notice<T: Serialize>(&self, request: &Request, page: &str, what: &T) {
        if matches!(request.encoding(), Ok(Encoding::Form)) {
            let left = Left { page: page.to_owned(), at: self.now, what };
            self.set_sealed_cookie(cookies::NOTICE, SealPurpose::Notice, &left);
        }
    }

    /// Takes the notice that was left for this page.
    pub fn take_notice<T: DeserializeOwned>(&self, request: &Request) -> Option<T> {
        if !request.wants_page() || request.cookie(cookies::NOTICE).is_none() {
            return None;
        }
        self.clear_cookie(cookies::NOTICE);
        let left: Left<T> = self.sealed_cookie(request, cookies::NOTICE, SealPurpose::Notice)?;
        (left.page == request.path && self.now.since(left.at) < NOTICE_LIFETIME).then_some(left.what)
    }
}
