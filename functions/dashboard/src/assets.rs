//! The stylesheet and the icon of every page, and the captcha's script: the same for everybody, so kept for an hour and compared by digest.

use edge::{Outcome, Reply, Request, failure::BadRequest};
use http::StatusCode;
use shared::secret::digest256_hex;

const STYLESHEET: &[u8] = include_bytes!("../../edge/assets/vestibule.css");
const CAPTCHA: &[u8] = include_bytes!("../../edge/assets/captcha.js");
const ICON: &[u8] = include_bytes!("../../edge/assets/icon.svg");

/// The asset of this name, or `304 Not Modified` for whoever has it.
pub(crate) fn serve(request: &Request, name: &str) -> Outcome {
    let (content_type, body) = match name {
        "vestibule.css" => ("text/css; charset=utf-8", STYLESHEET),
        "captcha.js" => ("text/javascript; charset=utf-8", CAPTCHA),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(BadRequest::NoSuchRoute.into()),
    };
    let etag = format!("\"{}\"", digest256_hex(body));
    let reply = if request.header("if-none-match").is_some_and(|known| matches(known, &etag)) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        Reply::with(StatusCode::OK, content_type, body)
    };
    Ok(reply.header("cache-control", "public, max-age=3600").header("etag", etag))
}

/// Weak comparison (RFC 9110, 13.1.2).
fn matches(known: &str, etag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn asked(name: &str, known: Option<&str>) -> Reply {
        let headers = known.map(|known| ("if-none-match", known)).into_iter().collect();
        let request = Request::new(Method::GET, "/assets", headers, Vec::new());
        serve(&request, name).expect("an asset")
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let first = asked("vestibule.css", None);
        assert_eq!((first.status, first.body.as_slice()), (StatusCode::OK, STYLESHEET));
        let etag = first.headers.iter().find(|(name, _)| *name == "etag").map(|(_, value)| value.clone());
        let etag = etag.expect("an etag");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"old\", {etag}"), "*".to_owned()] {
            let again = asked("vestibule.css", Some(&known));
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        }
        assert_eq!(asked("vestibule.css", Some("\"old\"")).status, StatusCode::OK);
        assert_eq!(asked("icon.svg", Some(&etag)).status, StatusCode::OK);
    }
}
