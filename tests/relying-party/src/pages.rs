//! The application's pages.

use askama::Template;
use serde_json::Value;

use crate::{Application, oidc::Person};

/// `GET /`
#[derive(Template)]
#[template(path = "index.html")]
pub(crate) struct Index<'a> {
    pub(crate) applications: &'a [Application],
}

/// `GET /{client}` before the sign-in.
#[derive(Template)]
#[template(path = "welcome.html")]
pub(crate) struct Welcome<'a> {
    pub(crate) title: &'a str,
    pub(crate) client: &'a str,
    pub(crate) issuer: &'a str,
}

/// `GET /{client}` after the sign-in.
#[derive(Template)]
#[template(path = "signed-in.html")]
pub(crate) struct SignedIn<'a> {
    pub(crate) title: &'a str,
    pub(crate) client: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) claims: Vec<Claim<'a>>,
}

/// What did not work, and what to do next.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct Problem<'a> {
    pub(crate) title: &'a str,
    pub(crate) detail: &'a str,
    pub(crate) next: &'a str,
}

/// One row of the claims table.
pub(crate) struct Claim<'a> {
    name: &'a str,
    meaning: &'static str,
    value: String,
}

/// A client id as a heading: `supply-platform` is shown as `Supply Platform`.
pub(crate) fn heading(client_id: &str) -> String {
    let words = client_id.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The verified claims, each with what it says.
pub(crate) fn claims(person: &Person) -> Vec<Claim<'_>> {
    let rows =
        person.claims.iter().map(|(name, value)| Claim { name, meaning: meaning(name), value: shown(name, value) });
    rows.collect()
}

fn meaning(claim: &str) -> &'static str {
    match claim {
        "iss" => "Who signed you in",
        "sub" => "Your lasting identifier at this partner",
        "aud" => "The application this is meant for",
        "exp" => "Valid until",
        "iat" => "Issued at",
        "auth_time" => "When you proved who you are",
        "nonce" => "Ties the token to this sign-in",
        "acr" => "How strongly you proved it",
        "amr" => "By which means",
        "at_hash" => "Ties the token to its access token",
        "sid" => "The session at the provider",
        "name" => "Your name",
        "given_name" => "Your given name",
        "family_name" => "Your family name",
        "preferred_username" => "Your User ID",
        "email" => "Your e-mail address",
        "organisation" | "organization" | "org" => "Your organisation",
        "roles" => "What you may do here",
        _ => "",
    }
}

fn shown(claim: &str, value: &Value) -> String {
    match (claim, value) {
        ("exp" | "iat" | "auth_time", Value::Number(seconds)) => seconds
            .as_i64()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map_or_else(|| seconds.to_string(), |moment| moment.to_string()),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| shown("", item)).collect();
            items.join(", ")
        }
        (_, Value::Object(members)) => {
            let members = members.iter();
            let members: Vec<String> = members.map(|(name, value)| format!("{name}: {}", shown("", value))).collect();
            members.join(", ")
        }
        (_, other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_shown_for_people() {
        assert_eq!(heading("supply-platform"), "Supply Platform");
        assert_eq!(shown("amr", &json!(["pwd", "otp"])), "pwd, otp");
        assert_eq!(shown("exp", &json!(0)), "1970-01-01T00:00:00Z");
        assert_eq!(shown("exp", &json!("soon")), "soon");
        assert_eq!(shown("organisation", &json!({"id": "x", "name": "Northwind"})), "id: x, name: Northwind");
    }

    #[test]
    fn what_the_provider_says_is_escaped() {
        let page = Problem { title: "t", detail: "<script>", next: "n" };
        let page = page.render().unwrap_or_default();
        assert!(page.contains("&#60;script&#62;"), "{page}");
    }
}
