//! The conversation with the provider: authorization code flow with PKCE (S256), state and nonce.
//!
//! Discovery and keys are fetched anew for each sign-in. That costs two requests, and a rotated key or
//! a provider that was restarted never needs a thought.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    AccessTokenHash, AuthenticationContextClass, AuthorizationCode, ClientId, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm},
    reqwest,
    url::Url,
};

use crate::{Application, IssuerUrl};

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Why a sign-in or sign-out did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the provider could not be asked: {0}")]
    Unreachable(String),
    #[error("the provider did not exchange the code: {0}")]
    NotExchanged(String),
    #[error("the ID token was refused: {0}")]
    NotVerified(String),
    #[error("the provider does not offer {0}")]
    NotOffered(&'static str),
}

/// The provider, and what this application asks of it.
pub(crate) struct Provider {
    pub(crate) issuer: IssuerUrl,
    pub(crate) acr_values: Option<String>,
    http: reqwest::Client,
}

/// A sign-in under way: what must be remembered until the browser comes back.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) state: CsrfToken,
    pub(crate) target: Url,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// Somebody whose ID token was verified.
#[derive(Debug)]
pub(crate) struct Person {
    /// The token's claims by name, in alphabetical order.
    pub(crate) claims: serde_json::Map<String, serde_json::Value>,
    id_token: CoreIdToken,
}

impl Provider {
    pub(crate) fn new(issuer: IssuerUrl, acr_values: Option<String>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            // A provider that redirects its own endpoints elsewhere is not followed.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        Ok(Self { issuer, acr_values, http })
    }

    /// Where to send the browser, and what to remember meanwhile.
    pub(crate) async fn begin(
        &self,
        application: &Application,
        redirect: RedirectUrl,
        target: Url,
    ) -> Result<(Url, Pending), Fault> {
        let client = client(self.discover().await?, application, redirect);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("profile".into()))
            .set_pkce_challenge(challenge);
        if let Some(acr) = &self.acr_values {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        let (address, state, nonce) = request.url();
        let pending = Pending { state, target, nonce, verifier };
        Ok((address, pending))
    }

    /// Exchanges the code and verifies the ID token: signature (ES256, by the provider's published
    /// keys), issuer, audience, nonce, expiry, access token hash, and the demanded `acr`.
    pub(crate) async fn finish(
        &self,
        application: &Application,
        redirect: RedirectUrl,
        pending: Pending,
        code: String,
    ) -> Result<Person, Fault> {
        let client = client(self.discover().await?, application, redirect);
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| Fault::NotOffered("a token endpoint"))?
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.http)
            .await
            .map_err(|error| Fault::NotExchanged(chain(&error)))?;

        let refused = |reason: &str| Fault::NotVerified(reason.to_owned());
        let id_token = answer.id_token().ok_or_else(|| refused("there is none"))?.clone();
        let verifier = self.verifier(&client);
        let claims = id_token.claims(&verifier, &pending.nonce).map_err(|error| Fault::NotVerified(chain(&error)))?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg().map_err(|error| Fault::NotVerified(chain(&error)))?;
            let key = id_token.signing_key(&verifier).map_err(|error| Fault::NotVerified(chain(&error)))?;
            let actual = AccessTokenHash::from_token(answer.access_token(), algorithm, key)
                .map_err(|error| Fault::NotVerified(chain(&error)))?;
            if actual != *expected {
                return Err(refused("it belongs to another access token"));
            }
        }
        let claims = payload(&id_token).ok_or_else(|| refused("its claims are not an object"))?;
        Ok(Person { claims, id_token })
    }

    /// Where to send the browser so that the provider's session ends too.
    pub(crate) async fn logout(
        &self,
        application: &Application,
        person: &Person,
        back: PostLogoutRedirectUrl,
    ) -> Result<Url, Fault> {
        let endpoint = self
            .discover()
            .await?
            .additional_metadata()
            .end_session_endpoint
            .clone()
            .ok_or(Fault::NotOffered("an end-session endpoint"))?;
        Ok(LogoutRequest::from(endpoint)
            .set_id_token_hint(&person.id_token)
            .set_client_id(ClientId::new(application.client_id.clone()))
            .set_post_logout_redirect_uri(back)
            .http_get_url())
    }

    async fn discover(&self) -> Result<ProviderMetadataWithLogout, Fault> {
        ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http)
            .await
            .map_err(|error| Fault::Unreachable(chain(&error)))
    }

    fn verifier<'a>(&'a self, client: &'a Client) -> CoreIdTokenVerifier<'a> {
        let verifier = client.id_token_verifier().set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256]);
        let Some(demanded) = &self.acr_values else {
            return verifier;
        };
        verifier.set_auth_context_verifier_fn(move |acr| match acr {
            Some(acr) if demanded.split(' ').any(|value| value == acr.as_str()) => Ok(()),
            _ => Err(format!("its acr is not one of {demanded}")),
        })
    }
}

fn client(metadata: ProviderMetadataWithLogout, application: &Application, redirect: RedirectUrl) -> Client {
    CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(application.client_id.clone()),
        Some(application.client_secret.clone()),
    )
    .set_redirect_uri(redirect)
}

/// The claims as they were signed, those included that the library has no field for. Only for a
/// token that was verified before.
fn payload(id_token: &CoreIdToken) -> Option<serde_json::Map<String, serde_json::Value>> {
    let compact = id_token.to_string();
    let bytes = URL_SAFE_NO_PAD.decode(compact.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// An error with its causes: the library keeps the reason of a refusal one level down.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
