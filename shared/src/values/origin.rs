//! Origins: scheme and authority of a site.

/// The host of an origin, without the port and without the brackets of an IPv6 address.
pub fn host_of(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    match authority.split_once(']') {
        Some((address, _)) => address.trim_start_matches('['),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_origin_has_no_port() {
        for (origin, host) in [
            ("https://vestibule.example", "vestibule.example"),
            ("https://vestibule.example:8443", "vestibule.example"),
            ("http://127.0.0.1:3000", "127.0.0.1"),
            ("http://[::1]:3000", "::1"),
            ("http://[::1]", "::1"),
        ] {
            assert_eq!(host_of(origin), host);
        }
    }
}
