//! The request, bounded and whole, and the parsing of its body.

use http::Method;
use serde::de::DeserializeOwned;

use crate::{
    failure::{BadRequest, Failure},
    tree::{Tree, Unfit},
};

/// The largest body that a component reads, in bytes, unless its route has a limit of its own.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest body of a bulk request, in bytes.
pub const BULK_BODY_BYTES_MAX: usize = 1024 * 1024;
/// The largest webhook of a webstore, in bytes: shops send all that they know of an order. As a dead letter it has to fit into
/// a record, sealed.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 192 * 1024;
/// The largest list of shipments, in bytes: 500 lines as a form sends them.
pub const SHIPMENTS_BODY_BYTES_MAX: usize = 256 * 1024;
/// Routes with a limit of their own; what ends with a slash is a prefix. It has to be known before the body is read, and so
/// before any handler is asked.
const LARGER_BODIES: [(&str, usize); 4] = [
    ("/invite/bulk", BULK_BODY_BYTES_MAX),
    ("/webstore-checkout/webhooks/", WEBHOOK_BODY_BYTES_MAX),
    ("/payments/webhook", WEBHOOK_BODY_BYTES_MAX),
    ("/operate/orders/shipments", SHIPMENTS_BODY_BYTES_MAX),
];
/// The longest path and query, in bytes.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// The largest body of a request to this path and query, in bytes.
pub fn body_bytes_max(target: &str) -> usize {
    let path = target.split('?').next().unwrap_or_default();
    let is_larger = |route: &str| route == path || (route.ends_with('/') && path.starts_with(route));
    LARGER_BODIES.iter().find(|(route, _)| is_larger(route)).map_or(BODY_BYTES_MAX, |(_, limit)| *limit)
}

/// A request's headers, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Every value of the header; `None` for one that is not visible ASCII (RFC 9110, section 5.5). Names are compared
    /// without regard to case (section 5.1).
    pub fn all(&self, name: &str) -> impl Iterator<Item = Option<&str>> {
        let named = self.0.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| {
            let visible = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
            std::str::from_utf8(value).ok().filter(|_| visible)
        })
    }
}

impl FromIterator<(String, Vec<u8>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(headers: I) -> Self {
        headers.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
    }
}

/// A whole request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path without query.
    pub path: String,
    /// Query without `?`; empty when there is none.
    pub query: String,
    /// Headers.
    pub headers: Headers,
    /// Body, at most [`body_bytes_max`] bytes.
    pub body: Vec<u8>,
}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`: what a browser's form sends.
    Form,
}

impl Request {
    /// A request to a path with or without query.
    pub fn new(method: Method, target: &str, headers: Headers, body: Vec<u8>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method, path: path.to_owned(), query: query.to_owned(), headers, body }
    }

    /// The header's value when it is given once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.all(name);
        let first = values.next()??;
        values.next().is_none().then_some(first)
    }

    /// Whether the header is absent, or given once and accepted. One that is repeated or is no text never is.
    pub fn header_is_absent_or(&self, name: &str, accepted: impl Fn(&str) -> bool) -> bool {
        self.headers.all(name).next().is_none() || self.header(name).is_some_and(accepted)
    }

    /// Whether the caller prefers a page to JSON: `text/html` in `Accept`, and not after `application/json`.
    pub fn wants_page(&self) -> bool {
        let accept = self.header("accept").unwrap_or_default();
        match (accept.find("text/html"), accept.find("application/json")) {
            (Some(page), Some(json)) => page < json,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// The path's segments without empty ones.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    /// The body's encoding.
    ///
    /// # Errors
    /// [`BadRequest::UnsupportedMediaType`].
    pub fn encoding(&self) -> Result<Encoding, BadRequest> {
        let content_type = self.header("content-type").unwrap_or_default();
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => Ok(Encoding::Json),
            "application/x-www-form-urlencoded" => Ok(Encoding::Form),
            _ => Err(BadRequest::UnsupportedMediaType),
        }
    }

    /// Decodes the body into the raw input type, from JSON or from a form: both enter through the same type, in which
    /// unknown and repeated fields are faults.
    ///
    /// # Errors
    /// [`BadRequest`] for another content type, bytes that are not UTF-8, or a body that does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match self.encoding()? {
            Encoding::Json => from_json(&self.body).map_err(Failure::from),
            Encoding::Form => of_form(utf8(&self.body)?),
        }
    }

    /// As [`Request::decode`], where a form's names say where a value stands in the document: `shipping.city`, or
    /// `tokens.0.serial` in a list.
    ///
    /// # Errors
    /// As [`Request::decode`].
    pub fn decode_nested<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match self.encoding()? {
            Encoding::Json => from_json(&self.body).map_err(Failure::from),
            Encoding::Form => {
                T::deserialize(Tree::of_nested_form(utf8(&self.body)?)).map_err(|Unfit| BadRequest::Malformed.into())
            }
        }
    }

    /// Whether the body says that it is of this media type, whatever its parameters.
    pub fn is_of(&self, media_type: &str) -> bool {
        let content_type = self.header("content-type").unwrap_or_default();
        content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
    }

    /// Decodes the query. Unknown and repeated fields are faults, as in a body.
    ///
    /// # Errors
    /// [`BadRequest::Malformed`].
    pub fn decode_query<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        of_form(&self.query)
    }

    /// The query's names and values, in their order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// The body's names and values, in their order, of a form.
    ///
    /// # Errors
    /// [`BadRequest`] for another content type, and for bytes that are not UTF-8.
    pub fn form_pairs(&self) -> Result<Vec<(String, String)>, BadRequest> {
        match self.encoding()? {
            Encoding::Form => Ok(pairs(utf8(&self.body)?)),
            Encoding::Json => Err(BadRequest::UnsupportedMediaType),
        }
    }

    /// Every cookie, name and value.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.headers.all("cookie").flatten();
        values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='))
    }

    /// The cookie of this name, when it is given once.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = self.cookies().filter(|(key, _)| *key == name).map(|(_, value)| value);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// Decodes a JSON object.
///
/// # Errors
/// [`BadRequest`] for bytes that are not UTF-8, and for a text that ends early or does not fit.
pub fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadRequest> {
    let tree: Tree = serde_json::from_str(utf8(body)?).map_err(|error| truncated_or_malformed(&error))?;
    T::deserialize(tree).map_err(|Unfit| BadRequest::Malformed)
}

/// Names and values as a query, or as a form that is sent (`application/x-www-form-urlencoded`).
pub fn form_encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// What one value of a form or query says; `None` when it is more than one.
pub fn form_decoded(text: &str) -> Option<String> {
    let field = (!text.contains('&')).then(|| format!("value={text}"))?;
    form_urlencoded::parse(field.as_bytes()).next().map(|(_, value)| value.into_owned())
}

fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn of_form<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    T::deserialize(Tree::of_form(text)).map_err(|Unfit| BadRequest::Malformed.into())
}

fn utf8(body: &[u8]) -> Result<&str, BadRequest> {
    std::str::from_utf8(body).map_err(|_| BadRequest::NotUtf8)
}

fn truncated_or_malformed(error: &serde_json::Error) -> BadRequest {
    if error.is_eof() { BadRequest::Truncated } else { BadRequest::Malformed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_9_bulk_requests_and_webhooks_alone_may_be_larger() {
        // INV-9, SHP-7
        for target in ["/webstore-checkout/webhooks/anvil", "/payments/webhook"] {
            assert_eq!(body_bytes_max(target), WEBHOOK_BODY_BYTES_MAX, "{target}");
        }
        assert_eq!(body_bytes_max("/operate/orders/shipments"), SHIPMENTS_BODY_BYTES_MAX);
        for target in ["/invite/bulk", "/invite/bulk?x=1"] {
            assert_eq!(body_bytes_max(target), BULK_BODY_BYTES_MAX, "{target}");
        }
        for target in [
            "",
            "/",
            "/invite",
            "/invite/bulk/",
            "/invite//bulk",
            "/register?to=/invite/bulk",
            "/Invite/bulk",
            "/webstore-checkout/webhooks",
            "/payments",
        ] {
            assert_eq!(body_bytes_max(target), BODY_BYTES_MAX, "{target}");
        }
    }
}
