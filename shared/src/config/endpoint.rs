//! Addresses that we post to on a partner's word (MSG-3). The deployment's own network is not among them: whoever can name
//! an address inside could have our requests do there what nobody outside can.
//!
//! A name says nothing about where it leads. What it resolves to is for the platform to look at (docs/security.md).

use core::str::FromStr;

use crate::values::ParseError;

const URL_BYTES_MAX: usize = 500;
/// RFC 1035, 3.1: without the length of the root.
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Last labels of names that lead into a network of one's own: RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's `internal`,
/// and what is used for the purpose without anybody's leave. `metadata.google.internal` and `*.spin.internal` are among them.
const INTERNAL: [&str; 14] = [
    "alt",
    "arpa",
    "corp",
    "domain",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
];

/// The address of a partner's endpoint: `https` and a public name. For development `http://127.0.0.1` or
/// `http://localhost` with a port.
pub(super) struct EndpointUrl(String);

impl From<EndpointUrl> for String {
    fn from(EndpointUrl(text): EndpointUrl) -> Self {
        text
    }
}

impl FromStr for EndpointUrl {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let plain = text.len() <= URL_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>'));
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let allowed = match scheme {
            "https" => is_public_name(host) && port.is_none_or(is_port),
            "http" => matches!(host, "127.0.0.1" | "localhost") && port.is_some_and(is_port),
            _ => false,
        };
        if plain && allowed {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new(
            "endpoint-invalid",
            "must be an https address with a public name, without user name and fragment; no IP address and no name of an \
             internal network (for development: http://127.0.0.1:PORT or http://localhost:PORT)",
        ))
    }
}

/// Two labels or more, in lower case, the last of which is neither a number (then the whole is an IPv4 address in one of its
/// many forms) nor reserved.
fn is_public_name(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    host.len() <= HOST_BYTES_MAX
        && labels.len() >= 2
        && labels.iter().all(|label| is_label(label))
        && last.starts_with(|first: char| first.is_ascii_lowercase())
        && !INTERNAL.contains(&last)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: [&str; 9] = [
        "https://hooks.anvil.example/vestibule",
        "https://hooks.anvil.example",
        "https://hooks.anvil.example?tenant=7",
        "https://hooks.anvil.example:8443/a/b?c=d",
        "https://10.hooks.anvil.example/",
        "https://xn--bcher-kva.example/",
        "https://127.0.0.1.anvil.example/",
        "http://127.0.0.1:3003/hooks",
        "http://localhost:3003/",
    ];

    const REFUSED: [&str; 62] = [
        // Another scheme, or none.
        "http://hooks.anvil.example/",
        "ftp://hooks.anvil.example/",
        "hooks.anvil.example/",
        "//hooks.anvil.example/",
        "https:/hooks.anvil.example/",
        "https:hooks.anvil.example",
        "HTTPS://hooks.anvil.example/",
        "",
        // This machine.
        "https://localhost/",
        "https://localhost.localdomain/",
        "https://a.localhost/",
        "https://127.0.0.1/",
        "https://127.0.0.1:8443/",
        "https://0.0.0.0/",
        "http://127.0.0.1/",
        "http://localhost/",
        "http://127.0.0.2:80/",
        "http://[::1]:80/",
        // IPv4 in its forms: private, link-local with the metadata services, shared, multicast, and public.
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://8.8.8.8/",
        "https://2130706433/",
        "https://127.1/",
        "https://10.1/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://127.0.0.0x1/",
        // IPv6: loopback, unique local, link-local, mapped, translated.
        "https://[::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        // Names inside.
        "https://metadata/",
        "https://metadata.google.internal/",
        "https://effects.spin.internal/effects",
        "https://printer.local/",
        "https://wiki.corp/",
        "https://router.home.arpa/",
        "https://nas.lan/",
        "https://intranet/",
        // What could be read as something else.
        "https://hooks.anvil.example./",
        "https://127.0.0.1./",
        "https://.anvil.example/",
        "https://hooks..example/",
        "https://user@hooks.anvil.example/",
        "https://hooks.anvil.example@10.0.0.1/",
        "https://hooks.anvil.example:443@10.0.0.1/",
        "https://hooks.anvil.example\\@10.0.0.1/",
        "https://hooks.anvil.example:0/",
        "https://hooks.anvil.example:65536/",
        "https://hooks.anvil.example:/",
        "https://hooks.anvil.example/#top",
        "https://%31%30.0.0.1/",
        "https://hooks_anvil.example/",
        "https://HOOKS.ANVIL.EXAMPLE/",
    ];

    #[test]
    fn msg_3_only_public_names_are_posted_to() {
        // MSG-3
        for url in PUBLIC {
            assert!(url.parse::<EndpointUrl>().is_ok_and(|EndpointUrl(kept)| kept == url), "{url}");
        }
        for url in REFUSED {
            assert!(url.parse::<EndpointUrl>().is_err(), "{url}");
        }
        // Full-width digits and dots, which some resolvers fold to ASCII; control characters.
        for url in
            ["https://１２７.0.0.1/", "https://10。0。0。1/", "https://anvil.example/\n", "https://anvil.example\t/"]
        {
            assert!(url.parse::<EndpointUrl>().is_err(), "{url}");
        }
        assert!(format!("https://{}.example/", "a".repeat(64)).parse::<EndpointUrl>().is_err());
        assert!(format!("https://anvil.example/{}", "a".repeat(500)).parse::<EndpointUrl>().is_err());
    }
}
