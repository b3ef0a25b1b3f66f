//! Launch of a partner's application: OpenID Connect authorization code flow with PKCE.
//!
//! The code carries what the ID token will say, so that the token exchange reads one record and commits one
//! (OpenID Connect Core 1.0, RFC 6749, RFC 7636).

pub mod request;

use serde::{Deserialize, Serialize};

use crate::{
    account::{Raised, SignedIn},
    audit::{Action, Denial},
    config::{Application, Gateway, Level},
    decision::{Counted, Decision},
    journey::{Blocker, blockers, launch_terms_digest},
    organisation::Organisation,
    refusal::Refusal,
    secret::{Entropy, IndexPurpose, Keys, PlainToken, TokenDigest, TokenPurpose, digest256, same},
    values::{AccountId, ApplicationId, CodeId, PartnerId, Seconds, Timestamp},
};

/// How long an authorization code can be exchanged (LCH-2).
pub const CODE_LIFETIME: Seconds = Seconds(60);
/// How long an ID token and an access token are valid.
pub const TOKEN_LIFETIME: Seconds = Seconds::minutes(5);
/// How long an accepted launch waits for the application to come back with its authorization request.
pub const INTENT_LIFETIME: Seconds = Seconds::minutes(5);

/// Addresses below `/launch/` that are not applications: no application may be called so.
pub const RESERVED_IDS: [&str; 5] = ["authorize", "token", "userinfo", "jwks", "logout"];

/// The person's wish to launch, kept sealed in a cookie between the steps of one launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The account that launches.
    pub account: AccountId,
    /// The application.
    pub application: ApplicationId,
    /// When the launch began: a policy of a fresh code per launch counts from here (OTP-4).
    pub started_at: Timestamp,
    /// SHA-256 of the access terms that were accepted for this launch (TRM-4), hexadecimal.
    pub accepted_terms: Option<String>,
}

impl Intent {
    /// A launch that begins now.
    pub fn begin(account: AccountId, application: &ApplicationId, now: Timestamp) -> Self {
        Self { account, application: application.clone(), started_at: now, accepted_terms: None }
    }

    /// Whether the intent is this account's, for this application, and fresh.
    pub fn holds(&self, account: AccountId, application: &ApplicationId, now: Timestamp) -> bool {
        self.account == account && self.application == *application && now.since(self.started_at) < INTENT_LIFETIME
    }

    /// Accepts the access terms that the application demands at every launch (TRM-4). `digest` is that of the text
    /// which the person was shown.
    ///
    /// # Errors
    /// [`Refusal::TermsChanged`] when another text is in force, and a field fault when the box is not ticked.
    pub fn accept_terms(mut self, application: &Application, ticked: bool, digest: &str) -> Result<Self, Refusal> {
        let Some(current) = launch_terms_digest(application) else {
            return Ok(self);
        };
        if digest != current {
            return Err(Refusal::TermsChanged);
        }
        if !ticked {
            let hint = "Tick the box if you accept the access terms for this launch.";
            return Err(Refusal::field("accept_terms", "not-accepted", hint));
        }
        self.accepted_terms = Some(digest.to_owned());
        Ok(self)
    }
}

/// A person for whom nothing blocks the application any more. Only [`clear`] makes one, so that a launch that skips
/// terms or second factor does not compile:
///
/// ```compile_fail
/// use shared::launch::Cleared;
/// fn skip<'a>(
///     person: shared::account::SignedIn<'a>,
///     organisation: &'a shared::organisation::Organisation,
///     application: &'a shared::config::Application,
///     raised: &'a shared::account::Raised,
/// ) -> Cleared<'a> {
///     Cleared { person, organisation, application, raised, launch_terms: None }
/// }
/// ```
#[derive(Debug)]
pub struct Cleared<'a> {
    person: SignedIn<'a>,
    organisation: &'a Organisation,
    application: &'a Application,
    raised: &'a Raised,
    launch_terms: Option<String>,
}

/// Evaluates the blockers and clears the launch when there are none (LCH-1).
///
/// # Errors
/// [`Refusal::Blocked`] with every blocker in order.
pub fn clear<'a>(
    person: &SignedIn<'a>,
    organisation: &'a Organisation,
    application: &'a Application,
    gateway: &Gateway,
    intent: Option<&Intent>,
    now: Timestamp,
) -> Result<Cleared<'a>, Refusal> {
    let found = blockers(person, organisation, application, gateway, intent, now);
    match person.session.raised.as_ref() {
        Some(raised) if found.is_empty() => Ok(Cleared {
            person: *person,
            organisation,
            application,
            raised,
            // Of this very launch: the blockers disregard an intent that does not hold, so its terms count neither.
            launch_terms: intent
                .filter(|intent| intent.holds(person.account.id, &application.id, now))
                .and_then(|intent| intent.accepted_terms.clone()),
        }),
        None if found.is_empty() => Err(Refusal::Blocked(vec![Blocker::OtpRequired])),
        _ => Err(Refusal::Blocked(found)),
    }
}

/// An authorization request whose client and redirect URI are known to be right (RFC 6749, 4.1.1; RFC 7636, 4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The client: an application.
    pub client: ApplicationId,
    /// Where the code goes; compared exactly.
    pub redirect_uri: String,
    /// BASE64URL(SHA-256(code_verifier)).
    pub code_challenge: String,
    /// Passed into the ID token.
    pub nonce: Option<String>,
    /// The levels of `acr_values`, in the application's order of preference; empty demands none.
    pub levels: Vec<Level>,
}

impl AuthorizationRequest {
    /// The level that the ID token names when this one was reached: the first demanded one that it satisfies, or
    /// itself where none is demanded. `None` when it satisfies none.
    pub fn level_met(&self, reached: Level) -> Option<Level> {
        if self.levels.is_empty() { Some(reached) } else { self.levels.iter().copied().find(|level| *level <= reached) }
    }
}

/// What the ID token says about the person (LCH-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Pairwise per partner: two partners cannot recognise the same person.
    pub sub: String,
    /// The person's name.
    pub name: String,
    /// The organisation's id, pairwise per partner.
    pub organisation: String,
    /// The organisation's name.
    pub organisation_name: String,
    /// Roles for this application, in the application's own words.
    pub roles: Vec<String>,
    /// Authentication context class reference.
    pub acr: String,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// When the second factor was passed.
    pub auth_time: Timestamp,
}

/// What became of an authorization code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeState {
    /// Waits for its exchange.
    Fresh,
    /// Exchanged once; its tokens are valid.
    Exchanged(Timestamp),
    /// Presented a second time: its tokens are revoked (RFC 6749, 4.1.2).
    Revoked(Timestamp),
}

/// An authorization code, and the audit of its launch (LCH-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// The record's id.
    pub id: CodeId,
    /// Digest of the code.
    pub token: TokenDigest,
    /// The client it was issued to.
    pub client: ApplicationId,
    /// The redirect URI it was sent to.
    pub redirect_uri: String,
    /// PKCE challenge (S256).
    pub code_challenge: String,
    /// The request's nonce.
    pub nonce: Option<String>,
    /// Who launched.
    pub account: AccountId,
    /// What the tokens will say.
    pub claims: Claims,
    /// SHA-256 of the access terms accepted for this launch (TRM-4).
    pub launch_terms: Option<String>,
    /// When the launch was authorised.
    pub issued_at: Timestamp,
    /// What became of it.
    pub state: CodeState,
}

/// The `acr` value of a level.
pub fn acr(level: Level) -> String {
    format!("urn:vestibule:level:{}", level.number())
}

/// The level that an `acr` value names.
pub fn level_of(value: &str) -> Option<Level> {
    [Level::One, Level::Two, Level::Three].into_iter().find(|level| acr(*level) == value)
}

impl AuthorizationCode {
    /// Authorises a cleared launch. The returned token is the code.
    pub fn issue(
        cleared: &Cleared<'_>,
        request: AuthorizationRequest,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> (Self, PlainToken) {
        let id = CodeId::random(rng);
        let token = PlainToken::new(*id.bytes(), rng);
        let level = request.level_met(cleared.raised.level).unwrap_or(cleared.raised.level);
        let code = Self {
            id,
            token: token.digest(TokenPurpose::AuthorizationCode),
            client: request.client,
            redirect_uri: request.redirect_uri,
            code_challenge: request.code_challenge,
            nonce: request.nonce,
            account: cleared.person.account.id,
            claims: claims(cleared, level, keys),
            launch_terms: cleared.launch_terms.clone(),
            issued_at: now,
            state: CodeState::Fresh,
        };
        (code, token)
    }

    /// Exchanges the code: once, within 60 seconds, by the client it was issued to, with the same redirect URI and
    /// the verifier of its challenge. A second presentation revokes what the first one gave (LCH-2).
    pub fn exchange(mut self, exchange: &Exchange<'_>, now: Timestamp) -> Counted<Self, Result<(), InvalidGrant>> {
        let presented = self.token.matches(exchange.code, TokenPurpose::AuthorizationCode);
        let bound = self.client == *exchange.client
            && self.redirect_uri == exchange.redirect_uri
            && same(self.code_challenge.as_bytes(), challenge_of(exchange.code_verifier).as_bytes());
        let (next, outcome) = match self.state {
            CodeState::Fresh if presented && bound && now.since(self.issued_at) < CODE_LIFETIME => {
                (CodeState::Exchanged(now), Ok(()))
            }
            CodeState::Exchanged(_) if presented => (CodeState::Revoked(now), Err(InvalidGrant)),
            _ => return Counted::unjudged(self, Err(InvalidGrant)),
        };
        self.state = next;
        let decision = Decision::quiet(Action::CodeExchange, self);
        Counted::new(if outcome.is_ok() { decision } else { decision.refused(Denial::PresentedAgain) }, outcome)
    }

    /// Whether an access token of this code is still good (RFC 6750).
    pub fn tokens_valid(&self, now: Timestamp) -> bool {
        matches!(self.state, CodeState::Exchanged(at) if now.since(at) < TOKEN_LIFETIME)
    }
}

/// A code that came to the token endpoint.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The client, authenticated.
    pub client: &'a ApplicationId,
    /// The code.
    pub code: &'a PlainToken,
    /// The redirect URI of the authorization request, repeated.
    pub redirect_uri: &'a str,
    /// PKCE verifier.
    pub code_verifier: &'a str,
}

/// `invalid_grant` (RFC 6749, 5.2): one answer for unknown, foreign, expired and used codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidGrant;

/// BASE64URL(SHA-256(verifier)) without padding (RFC 7636, 4.6).
pub fn challenge_of(verifier: &str) -> String {
    crate::secret::base64url(&digest256(verifier.as_bytes()))
}

/// Whether a PKCE verifier is well formed: 43 to 128 unreserved characters (RFC 7636, 4.1).
pub fn well_formed_verifier(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Whether an S256 challenge is well formed: 43 base64url characters (RFC 7636, 4.2).
pub fn well_formed_challenge(challenge: &str) -> bool {
    challenge.len() == 43 && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn claims(cleared: &Cleared<'_>, level: Level, keys: &Keys) -> Claims {
    let Cleared { person, organisation, application, raised, .. } = cleared;
    let pairwise = |kind: &[u8], id: &[u8]| pairwise(&application.partner, kind, id, keys);
    let roles = &application.oidc.roles;
    let membership = person.membership;
    let mut given = vec![roles.user.clone()];
    if membership.organisation_administrator {
        given.push(roles.organisation_administrator.clone());
    }
    if membership.application_administrator.contains(&application.id) {
        given.push(roles.application_administrator.clone());
    }
    Claims {
        sub: pairwise(b"account", person.account.id.bytes()),
        name: person.account.name.full(),
        organisation: pairwise(b"organisation", organisation.id.bytes()),
        organisation_name: organisation.profile.legal_name.as_str().to_owned(),
        roles: given,
        acr: acr(level),
        amr: ["pwd", raised.factor.amr(), "mfa"].map(str::to_owned).to_vec(),
        auth_time: raised.at,
    }
}

fn pairwise(partner: &PartnerId, kind: &[u8], id: &[u8], keys: &Keys) -> String {
    let index = keys.index(IndexPurpose::Pairwise, &[partner.as_str().as_bytes(), kind, id]);
    CodeId::from_bytes(index).to_string()
}

#[cfg(test)]
mod tests;
