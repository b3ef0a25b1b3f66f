//! The application against a provider that can lie: whatever is wrong with an ID token, nobody is signed in.

mod provider;

use std::net::SocketAddr;

use openidconnect::reqwest::{self, Client, Response, StatusCode, Url, header, redirect::Policy};
use provider::{Lie, Provider};
use relying_party::{Application, ClientSecret, Config, IssuerUrl, Running};

/// A browser with room for one cookie, which follows no redirect by itself.
struct Browser {
    http: Client,
    cookie: String,
}

impl Browser {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { http: Client::builder().redirect(Policy::none()).build()?, cookie: String::new() })
    }

    async fn get(&mut self, address: &str) -> reqwest::Result<Response> {
        let request = self.http.get(address);
        self.send(request).await
    }

    async fn post(&mut self, address: &str) -> reqwest::Result<Response> {
        let request = self.http.post(address);
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> reqwest::Result<Response> {
        let response = request.header(header::COOKIE, &self.cookie).send().await?;
        let cookie = response.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        if let Some(cookie) = cookie.and_then(|cookie| cookie.split(';').next()) {
            cookie.clone_into(&mut self.cookie);
        }
        Ok(response)
    }

    /// Goes through the whole sign-in up to the answer of the callback.
    async fn sign_in(&mut self, application: SocketAddr) -> anyhow::Result<Response> {
        let started = self.get(&format!("http://{application}/parts/login")).await?;
        let asked = self.get(&location(&started)?).await?;
        Ok(self.get(&location(&asked)?).await?)
    }
}

fn location(response: &Response) -> anyhow::Result<String> {
    anyhow::ensure!(response.status() == StatusCode::SEE_OTHER, "no redirect but {}", response.status());
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    location.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no location"))
}

async fn start(provider: &Provider, acr_values: Option<&str>) -> anyhow::Result<Running> {
    relying_party::start(Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        issuer: IssuerUrl::new(provider.issuer())?,
        applications: vec![Application {
            client_id: provider::CLIENT.into(),
            client_secret: ClientSecret::new(provider::SECRET.into()),
        }],
        acr_values: acr_values.map(str::to_owned),
    })
    .await
}

#[tokio::test]
async fn a_verified_token_signs_in_and_out() -> anyhow::Result<()> {
    let provider = Provider::start(Lie::None).await?;
    let running = start(&provider, Some("level-2")).await?;
    let mut browser = Browser::new()?;

    let answer = browser.sign_in(running.address()).await?;
    let home = location(&answer)?;
    assert_eq!(home, format!("http://{}/parts", running.address()));
    let page = browser.get(&home).await?.text().await?;
    assert!(page.contains("You are signed in") && page.contains("Northwind &#60;Fasteners&#62;"), "{page}");

    let out = browser.post(&format!("{home}/logout")).await?;
    let out = Url::parse(&location(&out)?)?;
    assert!(out.query_pairs().any(|(name, value)| name == "post_logout_redirect_uri" && value == home), "{out}");
    let page = browser.get(&home).await?.text().await?;
    assert!(page.contains("You are not signed in"), "{page}");
    running.stop().await
}

#[tokio::test]
async fn a_token_with_anything_wrong_is_refused() -> anyhow::Result<()> {
    for lie in Lie::ALL {
        let provider = Provider::start(lie).await?;
        let running = start(&provider, Some("level-2")).await?;
        let mut browser = Browser::new()?;
        let answer = browser.sign_in(running.address()).await?;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{lie:?}");
        let page = answer.text().await?;
        assert!(page.contains("was refused"), "{lie:?}: {page}");
        let page = browser.get(&format!("http://{}/parts", running.address())).await?.text().await?;
        assert!(page.contains("You are not signed in"), "{lie:?}: {page}");
    }
    Ok(())
}

#[tokio::test]
async fn only_the_browser_that_started_can_finish_and_only_once() -> anyhow::Result<()> {
    let provider = Provider::start(Lie::None).await?;
    let running = start(&provider, None).await?;
    let mut browser = Browser::new()?;
    let started = browser.get(&format!("http://{}/parts/login", running.address())).await?;
    let asked = browser.get(&location(&started)?).await?;
    let callback = location(&asked)?;

    let stranger = Browser::new()?.get(&callback).await?;
    assert_eq!(stranger.status(), StatusCode::BAD_REQUEST);
    let other_state = browser.get(&callback.replace("state=", "state=x")).await?;
    assert_eq!(other_state.status(), StatusCode::BAD_REQUEST);
    let before = browser.cookie.clone();
    assert_eq!(browser.get(&callback).await?.status(), StatusCode::SEE_OTHER);
    assert_ne!(browser.cookie, before, "a new identifier after the sign-in");
    browser.cookie = before;
    assert_eq!(browser.get(&callback).await?.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn foreign_providers_targets_and_applications_are_refused() -> anyhow::Result<()> {
    let provider = Provider::start(Lie::None).await?;
    let running = start(&provider, None).await?;
    let base = format!("http://{}", running.address());
    let cases = [
        ("/parts/login?iss=http%3A%2F%2Fevil.example", StatusCode::BAD_REQUEST),
        ("/parts/login?target_link_uri=http%3A%2F%2Fevil.example%2Fparts", StatusCode::BAD_REQUEST),
        ("/parts/login?target_link_uri=%2F%2Fevil.example", StatusCode::BAD_REQUEST),
        ("/other/login", StatusCode::NOT_FOUND),
        ("/parts/callback?code=x&state=y", StatusCode::BAD_REQUEST),
    ];
    for (path, expected) in cases {
        let response = Browser::new()?.get(&format!("{base}{path}")).await?;
        assert_eq!(response.status(), expected, "{path}");
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY), "{path}");
    }
    Ok(())
}
