//! The stylesheet and the icon of every page, and the two scripts: the same for everybody.
//!
//! The paths of the stylesheet and of the passwords' script name their content, so browsers keep them for good; the others
//! are kept for an hour and compared by digest.

use edge::{Outcome, Reply, Request, assets, failure::BadRequest};
use http::StatusCode;
use shared::secret::digest256_hex;

const CAPTCHA: &[u8] = include_bytes!("../../edge/assets/captcha.js");

const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const FOR_AN_HOUR: &str = "public, max-age=3600";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// What is kept of a file under another release's path: long enough for one visit.
const FOR_A_MINUTE: &str = "public, max-age=60";

/// The asset of this name, or `304 Not Modified` for whoever has it.
pub(crate) fn serve(request: &Request, name: &str) -> Outcome {
    let (content_type, body, kept) = match name {
        "captcha.js" => (SCRIPT, CAPTCHA, FOR_AN_HOUR),
        "icon.svg" => ("image/svg+xml", assets::ICON, FOR_AN_HOUR),
        _ if request.path == assets::stylesheet_path() => (CSS, assets::STYLESHEET, FOR_GOOD),
        _ if request.path == assets::password_script_path() => (SCRIPT, assets::PASSWORD_SCRIPT, FOR_GOOD),
        // While a release is being rolled out, its pages and those of the one before ask either of the two for their
        // files: this one's are better than none.
        _ if is_some_releases(name, "vestibule.", ".css") => (CSS, assets::STYLESHEET, FOR_A_MINUTE),
        _ if is_some_releases(name, "password.", ".js") => (SCRIPT, assets::PASSWORD_SCRIPT, FOR_A_MINUTE),
        _ => return Err(BadRequest::NoSuchRoute.into()),
    };
    let etag = format!("\"{}\"", digest256_hex(body));
    let reply = if request.header("if-none-match").is_some_and(|known| matches(known, &etag)) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        Reply::with(StatusCode::OK, content_type, body)
    };
    Ok(reply.header("cache-control", kept).header("etag", etag))
}

/// Whether this is some release's file: the beginning, 16 hexadecimal digits, the end.
fn is_some_releases(name: &str, beginning: &str, end: &str) -> bool {
    let digest = name.strip_prefix(beginning).and_then(|rest| rest.strip_suffix(end));
    digest.is_some_and(|digest| {
        digest.len() == 16 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Weak comparison (RFC 9110, 13.1.2).
fn matches(known: &str, etag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn asked(path: &str, known: Option<&str>) -> Outcome {
        let headers = known.map(|known| ("if-none-match", known)).into_iter().collect();
        let request = Request::new(Method::GET, path, headers, Vec::new());
        serve(&request, path.trim_start_matches("/assets/"))
    }

    fn answered(path: &str, known: Option<&str>) -> Reply {
        asked(path, known).expect("an asset")
    }

    fn header(reply: &Reply, wanted: &str) -> String {
        let found = reply.headers.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let path = assets::stylesheet_path();
        let first = answered(&path, None);
        assert_eq!((first.status, first.body.as_slice()), (StatusCode::OK, assets::STYLESHEET));
        let etag = header(&first, "etag");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"old\", {etag}"), "*".to_owned()] {
            let again = answered(&path, Some(&known));
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        }
        assert_eq!(answered(&path, Some("\"old\"")).status, StatusCode::OK);
        assert_eq!(answered("/assets/icon.svg", Some(&etag)).status, StatusCode::OK);
    }

    #[test]
    fn only_what_the_path_names_is_kept_for_good() {
        let kept = |path: &str| header(&answered(path, None), "cache-control");
        assert_eq!(kept(&assets::stylesheet_path()), FOR_GOOD);
        assert_eq!(kept(&assets::password_script_path()), FOR_GOOD);
        assert_eq!(kept("/assets/password.0123456789abcdef.js"), FOR_A_MINUTE);
        assert_eq!(kept("/assets/icon.svg"), FOR_AN_HOUR);
        let earlier = "/assets/vestibule.0123456789abcdef.css";
        assert_eq!(
            (kept(earlier), answered(earlier, None).body.as_slice()),
            (FOR_A_MINUTE.to_owned(), assets::STYLESHEET)
        );
    }

    #[test]
    fn nothing_else_is_an_asset() {
        for name in [
            "password.js",
            "password.0.js",
            "vestibule.0123456789abcdef.js",
            "vestibule.css",
            "vestibule..css",
            "vestibule.0123456789ABCDEF.css",
            "vestibule.0.css",
            "none.css",
        ] {
            assert!(asked(&format!("/assets/{name}"), None).is_err(), "{name}");
        }
    }
}
