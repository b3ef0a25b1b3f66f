//! What applications ask without a browser: discovery, key set, token, userinfo. No cookies here.

use edge::{Change, Edge, Failure, Outcome, Platform, Reply, Request, request::Encoding, view};
use http::StatusCode;
use shared::{
    audit::Actor,
    config::Application,
    launch::{
        AuthorizationCode, Exchange, InvalidGrant, TOKEN_LIFETIME,
        request::{ClientCredentials, Parameters, SCOPE, TokenError, TokenRequest},
    },
    refusal::Refusal,
    secret::{PlainToken, SecretDigest},
    values::CodeId,
};

use crate::{
    api::{self, Discovery, KeySet, OauthError, Tokens},
    jose::{Person, Signer},
    public_document,
};

/// `GET /.well-known/openid-configuration`.
pub(crate) fn discovery<P: Platform>(edge: &Edge<P>) -> Outcome {
    public_document(&Discovery::of(edge))
}

/// `GET /launch/jwks`.
pub(crate) fn jwks<P: Platform>(edge: &Edge<P>) -> Outcome {
    let signer = Signer::new(&edge.keys, &edge.public_url)?;
    public_document(&KeySet { keys: [signer.public_key()] })
}

/// Why the token endpoint gives no tokens: the client is told, or the edge shows it.
enum NoTokens {
    Told(TokenError),
    Failed(Failure),
}

impl From<TokenError> for NoTokens {
    fn from(error: TokenError) -> Self {
        Self::Told(error)
    }
}

impl From<Failure> for NoTokens {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// `POST /launch/token`: a code becomes tokens, once (OpenID Connect Core 1.0, 3.1.3).
pub(crate) async fn token<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match exchange(edge, request).await {
        Ok(tokens) => view::document(StatusCode::OK, &tokens),
        Err(NoTokens::Told(error)) => {
            if matches!(error, TokenError::InvalidClient | TokenError::InvalidGrant) {
                edge.log_refused(error.code());
            }
            refused(error)
        }
        Err(NoTokens::Failed(failure)) => Err(failure),
    }
}

async fn exchange<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<Tokens, NoTokens> {
    // 1. The request is bounded by the edge. 3. Parse.
    let not_a_form = TokenError::InvalidRequest("send application/x-www-form-urlencoded");
    if request.encoding().ok() != Some(Encoding::Form) {
        return Err(not_a_form.into());
    }
    let parameters = Parameters::new(request.form_pairs().map_err(|_| not_a_form)?);
    // 2. Authenticate.
    let client = authenticate(edge, request, &parameters).await?;
    edge.acts(Actor::Application(client.id.clone()));
    let asked = TokenRequest::parse(&parameters)?;
    let code: PlainToken = asked.code.parse().map_err(|_| TokenError::InvalidGrant)?;
    let exchange = Exchange {
        client: &client.id,
        code: &code,
        redirect_uri: asked.redirect_uri,
        code_verifier: asked.code_verifier,
    };
    // 4. Load, 5. decide, 6. commit.
    let id = CodeId::from_bytes(code.record());
    let outcome = edge
        .transact::<AuthorizationCode, Result<(), InvalidGrant>>(&id, Refusal::NotFound, |code, _| {
            Ok(Change::Commit(code.exchange(&exchange, edge.now)))
        })
        .await;
    let (judged, stored) = match outcome {
        Err(Failure::Refused(Refusal::NotFound)) => return Err(TokenError::InvalidGrant.into()),
        other => other?,
    };
    judged.map_err(|InvalidGrant| TokenError::InvalidGrant)?;
    // 7. Respond.
    let signer = Signer::new(&edge.keys, &edge.public_url)?;
    let access_token = signer.access_token(stored.value(), edge.now)?;
    let id_token = signer.id_token(stored.value(), &access_token, edge.now)?;
    Ok(Tokens { access_token, token_type: "Bearer", expires_in: TOKEN_LIFETIME.0, id_token, scope: SCOPE })
}

/// The client, authenticated in the way that it is registered for: with its secret if it has one, else without.
async fn authenticate<'a, P: Platform>(
    edge: &'a Edge<P>,
    request: &Request,
    parameters: &Parameters,
) -> Result<&'a Application, NoTokens> {
    let basic = api::basic(request).map_err(|()| TokenError::InvalidClient)?;
    let presented = ClientCredentials::find(basic, parameters)?;
    let id = presented.id.parse().map_err(|_| TokenError::InvalidClient)?;
    let client = edge.gateway.application(&id).ok_or(TokenError::InvalidClient)?;
    match (&client.oidc.client_secret_digest_variable, &presented.secret) {
        (None, None) => Ok(client),
        (Some(variable), Some(secret)) if digest(edge, variable).await?.matches(secret) => Ok(client),
        _ => Err(TokenError::InvalidClient.into()),
    }
}

async fn digest<P: Platform>(edge: &Edge<P>, variable: &str) -> Result<SecretDigest, Failure> {
    let fault = |reason: String| Failure::Fault(format!("variable {variable}: {reason}"));
    let text = edge.platform.variable(variable).await?.ok_or_else(|| fault("it is empty".to_owned()))?;
    text.parse().map_err(|error: shared::values::ParseError| fault(error.to_string()))
}

fn refused(error: TokenError) -> Outcome {
    let body = OauthError { error: error.code(), error_description: error.description() };
    if error == TokenError::InvalidClient {
        let reply = view::document(StatusCode::UNAUTHORIZED, &body)?;
        return Ok(reply.header("www-authenticate", "Basic realm=\"token\", charset=\"UTF-8\""));
    }
    view::document(StatusCode::BAD_REQUEST, &body)
}

/// `GET,POST /launch/userinfo`: the claims about the person whom an access token stands for (OpenID Connect Core 1.0,
/// 5.3; RFC 6750).
pub(crate) async fn userinfo<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let Some(token) = api::bearer(request) else {
        return Ok(Reply::empty(StatusCode::UNAUTHORIZED).header("www-authenticate", "Bearer"));
    };
    let signer = Signer::new(&edge.keys, &edge.public_url)?;
    let Some(id) = signer.verify_access_token(token, edge.now) else {
        edge.log_refused("invalid-token");
        return Ok(invalid_token());
    };
    // 4. Load. 5. Decide: a code that came twice has revoked its tokens.
    match edge.kv().get::<AuthorizationCode>(&id).await? {
        Some(stored) if stored.value().tokens_valid(edge.now) => {
            // 7. Respond.
            view::document(StatusCode::OK, &Person::of(&stored.value().claims))
        }
        _ => {
            edge.log_refused("invalid-token");
            Ok(invalid_token())
        }
    }
}

fn invalid_token() -> Reply {
    let challenge = "Bearer error=\"invalid_token\", error_description=\"the access token is not valid any more\"";
    Reply::empty(StatusCode::UNAUTHORIZED).header("www-authenticate", challenge)
}
