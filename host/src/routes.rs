//! Matching request paths to components, with Spin's precedence.
//!
//! `routefinder` is the library Spin uses, so an exact route wins over `:wildcards`, and these over a
//! trailing `/...`, in exactly the same cases.

use std::borrow::Cow;

use anyhow::anyhow;
use http::{HeaderName, HeaderValue};

use crate::manifest::Route;

/// All routes of an application.
pub(crate) struct Router(routefinder::Router<Route>);

/// The route that a path matched, and what the wildcards captured.
pub(crate) struct Match<'a> {
    route: Cow<'a, Route>,
    trailing: Option<String>,
    named: Vec<(String, String)>,
}

impl Router {
    /// # Errors
    /// If a route is malformed.
    pub fn new(routes: &[Route]) -> anyhow::Result<Self> {
        let mut matcher = routefinder::Router::new();
        for route in routes {
            matcher
                .add(pattern(&route.route), route.clone())
                .map_err(|error| anyhow!("route {:?} of {}: {error}", route.route, route.component))?;
        }
        Ok(Self(matcher))
    }

    /// The best match for `path`, if there is one.
    pub fn find(&self, path: &str) -> Option<Match<'_>> {
        let best = self.0.best_match(path)?;
        let captures = best.captures();
        Some(Match {
            route: Cow::Borrowed(best.handler()),
            trailing: captures.wildcard().map(|rest| trailing(rest, path)),
            named: captures.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }
}

impl Match<'_> {
    /// What one component's request to another matches: every path of the component's, whatever its routes.
    pub fn between_components(component: &str, path: &str) -> Self {
        let route = Route { route: "/...".to_owned(), component: component.to_owned() };
        Self { route: Cow::Owned(route), trailing: Some(path.to_owned()), named: Vec::new() }
    }

    /// The id of the component that answers.
    pub fn component(&self) -> &str {
        &self.route.component
    }

    /// The route as the manifest writes it.
    pub fn route(&self) -> &str {
        &self.route.route
    }

    /// What Spin tells a component about the request, as headers. Values that cannot be a header's value are
    /// left out.
    pub fn headers(&self, full_url: &str, client: &str) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let route = self.route();
        let fixed = [
            ("spin-path-info", self.trailing.as_deref().unwrap_or_default()),
            ("spin-full-url", full_url),
            ("spin-matched-route", route.strip_suffix('/').unwrap_or(route)),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", route),
            ("spin-component-route", route.strip_suffix("/...").unwrap_or(route)),
            ("spin-client-addr", client),
        ]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value)));
        let named: Vec<_> = self.named.iter().filter_map(|(name, value)| wildcard_header(name, value)).collect();
        fixed.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).chain(named)
    }
}

fn wildcard_header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = format!("spin-path-match-{}", name.replace('_', "-").to_ascii_lowercase());
    Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
}

/// The manifest's notation in routefinder's.
fn pattern(route: &str) -> String {
    let route = route.strip_suffix('/').unwrap_or(route);
    let route = match route.strip_suffix("/...") {
        Some(prefix) => format!("{prefix}/*"),
        None => route.to_owned(),
    };
    if route.starts_with('/') { route } else { format!("/{route}") }
}

/// What a trailing wildcard captured. Spin keeps the slashes around it, routefinder drops them.
fn trailing(captured: &str, path: &str) -> String {
    let end = if path.ends_with('/') { "/" } else { "" };
    if captured.is_empty() { end.to_owned() } else { format!("/{captured}{end}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[&str]) -> Router {
        let routes: Vec<_> =
            routes.iter().map(|r| Route { route: (*r).to_owned(), component: (*r).to_owned() }).collect();
        Router::new(&routes).expect("the routes are well formed")
    }

    #[test]
    fn precedence_is_exact_then_single_then_trailing_wildcard() {
        let router = router(&["/...", "/a/...", "/a/:id", "/a/b", "/"]);
        let cases = [
            ("/", "/"),
            ("/x", "/..."),
            ("/a", "/a/..."),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b"),
            ("/a/c", "/a/:id"),
            ("/a/b/c", "/a/..."),
        ];
        for (path, expected) in cases {
            assert_eq!(router.find(path).map(|m| m.route().to_owned()).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn wildcards_reach_the_component_as_headers() {
        let router = router(&["/users/:user_id/..."]);
        let found = router.find("/users/7/x/").expect("matches");
        let headers: Vec<_> = found
            .headers("http://h/users/7/x/", "127.0.0.1:1")
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
            .collect();
        assert_eq!(
            headers,
            [
                "spin-path-info: /x/",
                "spin-full-url: http://h/users/7/x/",
                "spin-matched-route: /users/:user_id/...",
                "spin-base-path: /",
                "spin-raw-component-route: /users/:user_id/...",
                "spin-component-route: /users/:user_id",
                "spin-client-addr: 127.0.0.1:1",
                "spin-path-match-user-id: 7",
            ]
        );
    }

    #[test]
    fn nothing_matches_nothing() {
        assert!(router(&["/a"]).find("/b").is_none());
    }
}
