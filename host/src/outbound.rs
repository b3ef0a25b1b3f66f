//! Which hosts a component may call: `allowed_outbound_hosts`.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use anyhow::{Context, bail, ensure};
use http::Uri;

/// What follows a component's name in the host name under which others call it.
const COMPONENTS: &str = ".spin.internal";

/// The grants of one component.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts(Vec<AllowedHost>);

/// One grant: `scheme://host[:port]`.
#[derive(Debug)]
struct AllowedHost {
    /// None: any.
    scheme: Option<String>,
    host: Host,
    ports: RangeInclusive<u16>,
}

#[derive(Debug)]
enum Host {
    Any,
    /// The name with a leading dot.
    SubdomainsOf(String),
    Exactly(String),
}

impl AllowedHosts {
    /// Reads grants whose variables are already expanded.
    ///
    /// # Errors
    /// If a grant is malformed, or of a kind that Spin knows and this host does not (address ranges,
    /// `self`, all components at once).
    pub fn parse<'a>(grants: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Self> {
        let parsed = grants
            .into_iter()
            .map(|grant| AllowedHost::parse(grant.trim()).with_context(|| format!("allowed_outbound_hosts: {grant:?}")))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self(parsed))
    }

    /// Whether a request to `uri` is granted. A URI without scheme or host never is.
    pub fn allow(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
        let Some(port) = uri.port_u16().or_else(|| default_port(scheme)) else { return false };
        let host = normalised(host);
        self.0.iter().any(|allowed| {
            allowed.scheme.as_deref().is_none_or(|granted| granted == scheme)
                && allowed.host.matches(&host)
                && allowed.ports.contains(&port)
        })
    }

    /// The components that are granted by name, which this host answers for itself.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|allowed| match &allowed.host {
            Host::Exactly(name) => component(name),
            Host::Any | Host::SubdomainsOf(_) => None,
        })
    }
}

/// The component that a host name stands for: Spin's local service chaining.
pub(crate) fn component(host: &str) -> Option<&str> {
    host.strip_suffix(COMPONENTS).filter(|name| !name.is_empty())
}

impl AllowedHost {
    fn parse(grant: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = grant.split_once("://").context("has no scheme, as in http://host")?;
        ensure!(
            scheme == "*" || (!scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphabetic())),
            "the scheme is neither a word nor *"
        );
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        ensure!(!rest.contains('/'), "has a path, which a grant cannot have");
        // An IPv6 address is full of colons: the port's is the one after the bracket.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        Ok(Self {
            scheme: (scheme != "*").then(|| scheme.to_ascii_lowercase()),
            host: Host::parse(host)?,
            ports: parse_ports(port, scheme)?,
        })
    }
}

impl Host {
    fn parse(host: &str) -> anyhow::Result<Self> {
        if matches!(host, "self" | "self.alt") || host == "*.spin.internal" {
            bail!("this host lets a component call others by their names only, as in http://NAME.spin.internal");
        }
        if host == "*" {
            return Ok(Self::Any);
        }
        let (name, subdomains) = match host.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (host, false),
        };
        ensure!(!name.is_empty() && !name.contains('*'), "a wildcard stands for a whole host or its first labels");
        let uri: Uri = format!("http://{name}/").parse().context("is not a host")?;
        ensure!(uri.host() == Some(name), "is not a host");
        Ok(if subdomains {
            Self::SubdomainsOf(format!(".{}", normalised(name)))
        } else {
            Self::Exactly(normalised(name))
        })
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::SubdomainsOf(suffix) => host.parse::<IpAddr>().is_err() && host.ends_with(suffix),
            Self::Exactly(name) => host == name,
        }
    }
}

fn normalised(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

fn parse_ports(port: Option<&str>, scheme: &str) -> anyhow::Result<RangeInclusive<u16>> {
    match port {
        Some("*") => Ok(0..=u16::MAX),
        Some(range) if range.contains("..") => {
            let (first, end) = range.split_once("..").context("is not a range of ports")?;
            let (first, end): (u16, u16) = (first.parse()?, end.parse()?);
            ensure!(first < end, "the range of ports is empty");
            // Like Rust's: the end is not part of it.
            Ok(first..=end - 1)
        }
        Some(port) => {
            let port: u16 = port.parse().with_context(|| format!("{port:?} is not a port"))?;
            Ok(port..=port)
        }
        None => {
            let port = default_port(scheme).context("needs a port, as the scheme has no default")?;
            Ok(port..=port)
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_matched_by_scheme_host_and_port() {
        let cases = [
            ("http://127.0.0.1:3001", "http://127.0.0.1:3001/send", true),
            ("http://127.0.0.1:3001", "http://127.0.0.1:3002/send", false),
            ("http://127.0.0.1:3001", "https://127.0.0.1:3001/send", false),
            ("https://example.org", "https://EXAMPLE.org/", true),
            ("https://example.org", "https://example.org:8443/", false),
            ("https://example.org", "https://a.example.org/", false),
            ("https://*.example.org", "https://a.b.example.org/", true),
            ("https://*.example.org", "https://example.org/", false),
            ("https://*.example.org", "https://evilexample.org/", false),
            ("*://*:*", "http://anything:1/", true),
            ("http://h:8000..8010", "http://h:8009/", true),
            ("http://h:8000..8010", "http://h:8010/", false),
            ("http://[::1]:80", "http://[::1]/", true),
            ("https://example.org", "https://example.org@evil.test/", false),
            ("http://effects.spin.internal", "http://effects.spin.internal/effects", true),
            ("http://effects.spin.internal", "http://operate.spin.internal/effects", false),
        ];
        for (grant, url, expected) in cases {
            let hosts = AllowedHosts::parse([grant]).expect("is a grant");
            assert_eq!(hosts.allow(&url.parse().expect("is a URL")), expected, "{grant} {url}");
        }
    }

    #[test]
    fn nothing_is_granted_by_default() {
        assert!(!AllowedHosts::default().allow(&Uri::from_static("http://localhost/")));
    }

    #[test]
    fn malformed_grants_are_refused() {
        for grant in [
            "example.org",
            "http://",
            "http://a/b",
            "http://a*b",
            "http://self",
            "http://*.spin.internal",
            "*://h",
            "http://h:x",
            "http://10.0.0.0/8",
        ] {
            assert!(AllowedHosts::parse([grant]).is_err(), "{grant}");
        }
    }
}
