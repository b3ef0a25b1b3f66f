//! Links from e-mails lose their token before a page is shown: it leaves the address bar, the history and the `Referer`.
//!
//! A browser that opens `/activate?token=T` is sent to `/activate?link=H` with a sealed cookie that holds `token=T`. `H` is
//! a digest of the link and opens nothing by itself; with the cookie it stands for the token, and no handler notices. So
//! every tab has the address of its own link, and Reload, Back and a second tab show what they showed before. Without
//! `link` the newest link of that page counts, for whoever types the address. Forms carry their token themselves, so that
//! they work after the cookie's time as well.
//!
//! Nothing is stored (INV-4, ACT-3). No chain of these redirects is longer than one: only a query with a token is answered
//! with one, and its target has none. Whoever keeps no cookies, as mail scanners do, gets a page that says to open the
//! link again. Programs that ask for JSON are never redirected.
//!
//! `SameSite=Lax` suits links that are opened from a webmail's page: a top-level navigation can set any cookie, whoever
//! caused it, and the redirected request is again a top-level `GET`, with which Lax cookies go (draft-ietf-httpbis-rfc6265bis,
//! sections "Storage Model" and "Retrieval Model"). `Strict` ones would not.

use http::Method;
use serde::{Deserialize, Serialize};
use shared::{
    secret::{SealPurpose, digest256_hex},
    values::{Seconds, Timestamp},
};

use crate::{
    cookies,
    edge::Edge,
    platform::Platform,
    reply::Reply,
    request::Request,
    session::{open_text, seal_text},
};

/// How long a browser remembers a link: as long as a page of the registration form may stay open.
pub const LIFETIME: Seconds = Seconds::hours(2);
/// How many links a browser remembers besides the newest.
pub const OTHERS_MAX: usize = 4;
/// The parameter that stands for a token.
pub const PARAMETER: &str = "link";

/// The one page that is there without a link, too: for the deployment's one-time secret.
const ENROLMENT: &str = "/operate/enrol";

/// The pages that links lead to, with the parameters of their tokens.
pub const PAGES: [(&str, &[&str]); 8] = [
    ("/invite/accept", &["token"]),
    ("/register", &["token", "confirmation"]),
    ("/register/status", &["token", "invitation"]),
    ("/activate", &["token"]),
    ("/sign-in/reset/choose", &["token"]),
    ("/webstore-checkout/orders", &["token"]),
    ("/administer/join", &["token"]),
    (ENROLMENT, &["token"]),
];

/// The longest parameter with its token, in bytes: twice what the longest one needs.
const PAIR_BYTES_MAX: usize = 128;
const HANDLE_CHARS: usize = 16;

/// What a request is to be answered with, as far as links are concerned.
#[derive(Debug)]
pub enum Followed {
    /// By its handler.
    AsItIs,
    /// By its handler, with the token that its address stands for.
    Opened(Request),
    /// With this redirect; the browser gets a cookie for the token.
    Kept(Reply),
    /// By the advice to open the link again.
    Forgotten,
}

/// A link that a browser has opened.
#[derive(Serialize, Deserialize)]
struct Link {
    path: String,
    /// Parameter and token as they stood in the query.
    pair: String,
    opened_at: Timestamp,
}

impl<P: Platform> Edge<P> {
    /// Takes the token out of a page's address, or finds the one that its address stands for.
    pub fn follow_link(&self, request: &Request) -> Followed {
        let page = page_of(request).filter(|_| request.method == Method::GET && request.wants_page());
        let Some((path, parameters)) = page else {
            return Followed::AsItIs;
        };
        let pairs = request.query.split('&').filter(|pair| !pair.is_empty());
        let (tokens, others): (Vec<&str>, Vec<&str>) =
            pairs.partition(|pair| parameters.contains(&pair.split('=').next().unwrap_or_default()));
        let (handles, others): (Vec<&str>, Vec<&str>) = others.into_iter().partition(|pair| handle_in(pair).is_some());
        let found = match (tokens.as_slice(), handles.as_slice()) {
            ([pair], _) if pair.len() <= PAIR_BYTES_MAX => return self.kept(request, path, pair, &others),
            ([], [handle]) => self.link_of(request, path, handle_in(handle).unwrap_or_default()),
            ([], []) if others.is_empty() && path != ENROLMENT => self.newest_link(request, path),
            _ => return Followed::AsItIs,
        };
        found.map_or(Followed::Forgotten, |link| {
            let query = [others.as_slice(), &[link.pair.as_str()]].concat().join("&");
            Followed::Opened(Request { query, ..request.clone() })
        })
    }

    fn kept(&self, request: &Request, path: &str, pair: &str, others: &[&str]) -> Followed {
        let (handle, name) = named(path, pair);
        let link = Link { path: path.to_owned(), pair: pair.to_owned(), opened_at: self.now };
        let Some(sealed) = seal_text(&self.keys, SealPurpose::Link, &name, &link, &mut self.rng()) else {
            return Followed::AsItIs;
        };
        self.forget_oldest(request, &name);
        self.cookies.borrow_mut().push(cookies::set_for(&name, &sealed, LIFETIME));
        let handle = format!("{PARAMETER}={handle}");
        let query = [others, &[handle.as_str()]].concat().join("&");
        Followed::Kept(Reply::see_other(format!("{path}?{query}")))
    }

    /// Leaves room for one link more. What does not open is the oldest.
    fn forget_oldest(&self, request: &Request, newest: &str) {
        let links = request.cookies().filter(|(name, _)| name.starts_with(cookies::LINK_PREFIX) && *name != newest);
        let mut others: Vec<_> =
            links.map(|(name, value)| (self.opened(name, value).map(|link| link.opened_at), name)).collect();
        while others.len() > OTHERS_MAX
            && let Some(oldest) = others.iter().min().copied()
        {
            self.cookies.borrow_mut().push(cookies::clear(oldest.1));
            others.retain(|other| *other != oldest);
        }
    }

    fn link_of(&self, request: &Request, path: &str, handle: &str) -> Option<Link> {
        let name = format!("{}{handle}", cookies::LINK_PREFIX);
        self.opened(&name, request.cookie(&name)?).filter(|link| link.path == path)
    }

    fn newest_link(&self, request: &Request, path: &str) -> Option<Link> {
        let links = request.cookies().filter(|(name, _)| name.starts_with(cookies::LINK_PREFIX));
        let links = links.filter_map(|(name, value)| self.opened(name, value)).filter(|link| link.path == path);
        links.max_by_key(|link| link.opened_at)
    }

    fn opened(&self, name: &str, value: &str) -> Option<Link> {
        let link: Link = open_text(&self.keys, SealPurpose::Link, name, value)?;
        (self.now < link.opened_at.plus(LIFETIME)).then_some(link)
    }
}

/// The address of a link's page in a browser that has opened the link: it holds no token.
pub fn address(path: &str, parameter: &str, token: &str) -> String {
    let (handle, _) = named(path, &format!("{parameter}={token}"));
    format!("{path}?{PARAMETER}={handle}")
}

/// What stands for a link in an address, and the name of its cookie.
fn named(path: &str, pair: &str) -> (String, String) {
    let digest = digest256_hex(format!("{path}?{pair}").as_bytes());
    let handle: String = digest.chars().take(HANDLE_CHARS).collect();
    let name = format!("{}{handle}", cookies::LINK_PREFIX);
    (handle, name)
}

fn handle_in(pair: &str) -> Option<&str> {
    pair.strip_prefix(PARAMETER)?.strip_prefix('=')
}

/// The page that the request is for, by its segments, as handlers know it.
fn page_of(request: &Request) -> Option<(&'static str, &'static [&'static str])> {
    let segments = request.segments();
    PAGES.into_iter().find(|(path, _)| path.split('/').skip(1).eq(segments.iter().copied()))
}
