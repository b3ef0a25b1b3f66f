//! What comes to the endpoints of OpenID Connect, checked: Core 1.0, RFC 6749, RFC 7636, RP-Initiated Logout 1.0.
//!
//! Parameters that are not known are ignored, as the specifications say; one that comes twice is a fault.

use super::{AuthorizationRequest, Cleared, Intent, clear, well_formed_challenge, well_formed_verifier};
use crate::{
    account::{Raised, SignedIn},
    config::{Application, Gateway, Level},
    journey::Blocker,
    organisation::Organisation,
    refusal::Refusal,
    values::{ApplicationId, Seconds, Timestamp},
};

/// The scopes that every token has, whatever else was asked for.
pub const SCOPE: &str = "openid profile";

/// The parameters of a query or a form, decoded. One without a value counts as left out (RFC 6749, 3.1).
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameters with a value.
    pub fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.retain(|(_, value)| !value.is_empty());
        Self(pairs)
    }

    /// The value of a parameter that comes once.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let (_, first) = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// Whether any parameter comes more than once, which none may (RFC 6749, 3.1 and 3.2).
    pub fn repeats(&self) -> bool {
        self.0.iter().enumerate().any(|(place, (key, _))| self.0.iter().take(place).any(|(earlier, _)| earlier == key))
    }
}

/// Why an authorization request is sent back (RFC 6749, 4.1.2.1; OpenID Connect Core 1.0, 3.1.2.6; the registry of
/// RFC 6749, 11.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationError {
    /// A parameter is missing, repeated or malformed; which one.
    InvalidRequest(&'static str),
    /// Another response type than `code`.
    UnsupportedResponseType,
    /// A scope without `openid`.
    InvalidScope,
    /// Nobody is signed in, or not freshly enough, and nobody may be asked.
    LoginRequired,
    /// A step of the journey is missing, and nobody may be asked.
    InteractionRequired,
    /// None of the demanded `acr_values` is reached.
    UnmetAuthenticationRequirements,
    /// Parameters inside a signed object.
    RequestNotSupported,
    /// Parameters at an address.
    RequestUriNotSupported,
    /// A client that registers itself.
    RegistrationNotSupported,
}

impl AuthorizationError {
    /// A request that the person cannot be led back to after signing in.
    pub const TOO_LONG: Self = Self::InvalidRequest("the request is too long to come back to after signing in");

    /// The value of `error`.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
        }
    }

    /// The value of `error_description`, for the application's developers.
    pub fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(what) => what,
            Self::UnsupportedResponseType => "send response_type=code",
            Self::InvalidScope => "send a scope that contains openid",
            Self::LoginRequired => "the person has to sign in; repeat the request without prompt=none",
            Self::InteractionRequired => "the person has steps to do; repeat the request without prompt=none",
            Self::UnmetAuthenticationRequirements => "none of the acr_values is reached",
            Self::RequestNotSupported => "send the parameters themselves instead of request",
            Self::RequestUriNotSupported => "send the parameters themselves instead of request_uri",
            Self::RegistrationNotSupported => "clients are registered by configuration",
        }
    }
}

/// Where the answer to an authorization request goes: a client that is known and a redirect URI that is registered for
/// it, character by character. Without it there is no redirect at all (RFC 6749, 4.1.2.1).
#[derive(Debug, Clone, Copy)]
pub struct WayBack<'a> {
    /// The client.
    pub application: &'a Application,
    /// The redirect URI.
    pub redirect_uri: &'a str,
    /// Handed back as it came.
    pub state: Option<&'a str>,
}

impl<'a> WayBack<'a> {
    /// The way back that the parameters name; `None` when it is not registered.
    pub fn find(parameters: &'a Parameters, gateway: &'a Gateway) -> Option<Self> {
        let client: ApplicationId = parameters.get("client_id")?.parse().ok()?;
        let application = gateway.application(&client)?;
        let named = parameters.get("redirect_uri")?;
        let redirect_uri = application.oidc.redirect_uris.iter().find(|uri| uri.as_str() == named)?;
        Some(Self { application, redirect_uri, state: parameters.get("state") })
    }
}

/// An authorization request that is in order (OpenID Connect Core 1.0, 3.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// What the code will carry.
    pub request: AuthorizationRequest,
    /// `prompt=none`: nobody may be asked anything.
    pub silent: bool,
    /// `prompt=login`: a second factor of this very launch is wanted.
    fresh: bool,
    /// `max_age`: how old the second factor may be.
    max_age: Option<Seconds>,
}

/// Why a code is not issued yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The application is told.
    Refused(AuthorizationError),
    /// The person enters a code first.
    SecondFactor,
    /// The person has other steps to do first.
    Journey,
}

impl Authorization {
    /// Checks the parameters of a request whose way back is known.
    ///
    /// # Errors
    /// The first [`AuthorizationError`] found.
    pub fn parse(parameters: &Parameters, way_back: &WayBack<'_>) -> Result<Self, AuthorizationError> {
        use AuthorizationError as E;
        if parameters.repeats() {
            return Err(E::InvalidRequest("a parameter comes more than once"));
        }
        not_supported(parameters)?;
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(E::UnsupportedResponseType),
            None => return Err(E::InvalidRequest("response_type is missing")),
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(E::InvalidRequest("response_mode has to be query"));
        }
        if !parameters.get("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid")) {
            return Err(E::InvalidScope);
        }
        let code_challenge = parameters
            .get("code_challenge")
            .filter(|challenge| well_formed_challenge(challenge))
            .ok_or(E::InvalidRequest("code_challenge has to be 43 characters of base64url"))?;
        if parameters.get("code_challenge_method") != Some("S256") {
            return Err(E::InvalidRequest("code_challenge_method has to be S256"));
        }
        let (silent, fresh) = prompt(parameters.get("prompt"))?;
        let max_age = parameters.get("max_age").map(str::parse).transpose();
        let max_age = max_age.map_err(|_| E::InvalidRequest("max_age has to be a number of seconds"))?.map(Seconds);
        Ok(Self {
            request: AuthorizationRequest {
                client: way_back.application.id.clone(),
                redirect_uri: way_back.redirect_uri.to_owned(),
                code_challenge: code_challenge.to_owned(),
                nonce: parameters.get("nonce").map(str::to_owned),
                levels: levels(parameters.get("acr_values"))?,
            },
            silent,
            fresh,
            max_age,
        })
    }

    /// Clears the launch for a person who is signed in, or says what comes first.
    ///
    /// # Errors
    /// A [`Pause`]; with `prompt=none` only what is told to the application.
    pub fn decide<'p>(
        &self,
        person: &SignedIn<'p>,
        organisation: &'p Organisation,
        application: &'p Application,
        gateway: &Gateway,
        intent: Option<&Intent>,
        now: Timestamp,
    ) -> Result<Cleared<'p>, Pause> {
        let intent = intent.filter(|intent| intent.holds(person.account.id, &application.id, now));
        let paused = |loud: Pause, silent: AuthorizationError| if self.silent { Pause::Refused(silent) } else { loud };
        let cleared = clear(person, organisation, application, gateway, intent, now).map_err(|refusal| {
            let second_factor =
                matches!(&refusal, Refusal::Blocked(found) if found.first() == Some(&Blocker::OtpRequired));
            let loud = if second_factor { Pause::SecondFactor } else { Pause::Journey };
            paused(loud, AuthorizationError::InteractionRequired)
        })?;
        if self.request.level_met(cleared.raised.level).is_none() {
            return Err(Pause::Refused(AuthorizationError::UnmetAuthenticationRequirements));
        }
        if !self.recent_enough(cleared.raised, intent, now) {
            return Err(paused(Pause::SecondFactor, AuthorizationError::LoginRequired));
        }
        Ok(cleared)
    }

    /// Whether the second factor is as recent as the application demands (OpenID Connect Core 1.0, 3.1.2.1): it is asked
    /// for again when it is older than `max_age`, of this launch or not. With `prompt=login`, and `max_age=0` which means
    /// the same, one that was passed since this launch began is as fresh as it gets: demanding another one would never end.
    fn recent_enough(&self, raised: &Raised, intent: Option<&Intent>, now: Timestamp) -> bool {
        let of_this_launch = || intent.is_some_and(|intent| raised.at >= intent.started_at);
        match self.max_age {
            Some(max_age) if max_age > Seconds(0) && now.since(raised.at) > max_age => false,
            Some(Seconds(0)) => of_this_launch(),
            _ => !self.fresh || of_this_launch(),
        }
    }
}

fn not_supported(parameters: &Parameters) -> Result<(), AuthorizationError> {
    let refused = [
        ("request", AuthorizationError::RequestNotSupported),
        ("request_uri", AuthorizationError::RequestUriNotSupported),
        ("registration", AuthorizationError::RegistrationNotSupported),
    ];
    let found = refused.into_iter().find(|(name, _)| parameters.get(name).is_some());
    found.map_or(Ok(()), |(_, error)| Err(error))
}

/// Whether nobody may be asked, and whether the person has to be asked. There is nothing to consent to and one account
/// only, so `consent` and `select_account` add nothing.
fn prompt(prompt: Option<&str>) -> Result<(bool, bool), AuthorizationError> {
    let words: Vec<&str> = prompt.into_iter().flat_map(|prompt| prompt.split(' ')).collect();
    let silent = words.contains(&"none");
    if silent && words.len() > 1 {
        return Err(AuthorizationError::InvalidRequest("prompt=none stands alone"));
    }
    Ok((silent, words.contains(&"login")))
}

/// The levels that are demanded, in order of preference.
fn levels(acr_values: Option<&str>) -> Result<Vec<Level>, AuthorizationError> {
    let Some(acr_values) = acr_values else {
        return Ok(Vec::new());
    };
    let known: Vec<Level> = acr_values.split(' ').filter_map(super::level_of).collect();
    if known.is_empty() { Err(AuthorizationError::UnmetAuthenticationRequirements) } else { Ok(known) }
}

/// Why a token request is refused (RFC 6749, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// A parameter is missing, repeated or malformed; which one.
    InvalidRequest(&'static str),
    /// The client is unknown, or did not authenticate as it is registered.
    InvalidClient,
    /// The code is not good: one answer for every reason.
    InvalidGrant,
    /// Another grant type than `authorization_code`.
    UnsupportedGrantType,
}

impl TokenError {
    /// The value of `error`.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }

    /// The value of `error_description`, for the application's developers.
    pub fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(what) => what,
            Self::InvalidClient => "authenticate as the client is registered",
            Self::InvalidGrant => "the code is unknown, used, expired or bound to something else; start again",
            Self::UnsupportedGrantType => "send grant_type=authorization_code",
        }
    }
}

/// How a client presents itself at the token endpoint (RFC 6749, 2.3.1; OpenID Connect Core 1.0, 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The client id, as it was sent.
    pub id: String,
    /// The secret; `None` for a public client.
    pub secret: Option<String>,
}

impl ClientCredentials {
    /// One way of authentication, not two. `basic` is what the `Authorization` header says, decoded.
    ///
    /// # Errors
    /// [`TokenError::InvalidRequest`] for two ways at once, [`TokenError::InvalidClient`] for none or two clients.
    pub fn find(basic: Option<(String, String)>, parameters: &Parameters) -> Result<Self, TokenError> {
        let (id, secret) = (parameters.get("client_id"), parameters.get("client_secret"));
        match (basic, id, secret) {
            (Some(_), _, Some(_)) => Err(TokenError::InvalidRequest("authenticate the client in one way only")),
            (Some((basic, _)), Some(id), None) if id != basic => Err(TokenError::InvalidClient),
            (Some((id, secret)), _, None) => Ok(Self { id, secret: Some(secret) }),
            (None, Some(id), secret) => Ok(Self { id: id.to_owned(), secret: secret.map(str::to_owned) }),
            (None, None, _) => Err(TokenError::InvalidClient),
        }
    }
}

/// A token request that is in order (RFC 6749, 4.1.3; RFC 7636, 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRequest<'a> {
    /// The code.
    pub code: &'a str,
    /// The redirect URI of the authorization request, repeated.
    pub redirect_uri: &'a str,
    /// PKCE verifier.
    pub code_verifier: &'a str,
}

impl<'a> TokenRequest<'a> {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`TokenError::InvalidRequest`], [`TokenError::UnsupportedGrantType`].
    pub fn parse(parameters: &'a Parameters) -> Result<Self, TokenError> {
        let wanted = |name, missing| parameters.get(name).ok_or(TokenError::InvalidRequest(missing));
        if parameters.repeats() {
            return Err(TokenError::InvalidRequest("a parameter comes more than once"));
        }
        if wanted("grant_type", "grant_type is missing")? != "authorization_code" {
            return Err(TokenError::UnsupportedGrantType);
        }
        let code_verifier = wanted("code_verifier", "code_verifier is missing")?;
        if !well_formed_verifier(code_verifier) {
            return Err(TokenError::InvalidRequest("code_verifier has to be 43 to 128 unreserved characters"));
        }
        Ok(Self {
            code: wanted("code", "code is missing")?,
            redirect_uri: wanted("redirect_uri", "redirect_uri is missing")?,
            code_verifier,
        })
    }
}

/// Where a browser goes after signing out: a URI that is registered, character by character, for the client that the
/// verified `id_token_hint` was issued to; `None` otherwise (RP-Initiated Logout 1.0, 2 and 3).
pub fn after_logout<'a>(parameters: &Parameters, hinted: Option<&str>, gateway: &'a Gateway) -> Option<&'a str> {
    let client = hinted.filter(|hinted| parameters.get("client_id").is_none_or(|named| named == *hinted))?;
    let application = gateway.application(&client.parse().ok()?)?;
    let named = parameters.get("post_logout_redirect_uri")?;
    application.oidc.post_logout_redirect_uris.iter().map(String::as_str).find(|uri| *uri == named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{launch::challenge_of, values::CredentialId};

    const FIXTURE: &str = include_str!("../../../gateway.toml");
    const CALLBACK: &str = "http://127.0.0.1:3002/supply-platform/callback";
    const HOME: &str = "http://127.0.0.1:3002/supply-platform";
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn gateway() -> Gateway {
        Gateway::parse(FIXTURE).expect("the deployment's file is valid")
    }

    /// The parameters with changes: a value of `-` leaves one out.
    fn changed(base: &[(&str, &str)], changes: &[(&str, &str)]) -> Parameters {
        let kept = base.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let pairs = kept.chain(changes.iter().filter(|(_, value)| *value != "-"));
        Parameters::new(pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn asked(changes: &[(&str, &str)]) -> Parameters {
        let base = [
            ("client_id", "supply-platform"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("state", "a b"),
            ("nonce", "n"),
        ];
        changed(&base, changes)
    }

    fn parsed(changes: &[(&str, &str)]) -> Result<Authorization, AuthorizationError> {
        let (parameters, gateway) = (asked(changes), gateway());
        Authorization::parse(&parameters, &WayBack::find(&parameters, &gateway).expect("registered"))
    }

    fn refused(changes: &[(&str, &str)]) -> &'static str {
        parsed(changes).expect_err("refused").code()
    }

    #[test]
    fn lch_2_a_whole_request_is_taken_and_unknown_parameters_are_ignored() {
        // LCH-2
        let found = parsed(&[("utm", "x"), ("display", "page"), ("max_age", "300")]).expect("in order");
        assert_eq!((found.silent, found.fresh, found.max_age), (false, false, Some(Seconds(300))));
        assert_eq!(found.request.code_challenge, challenge_of(VERIFIER), "RFC 7636, appendix B");
        assert_eq!(found.request.nonce.as_deref(), Some("n"));
        let (parameters, gateway) = (asked(&[]), gateway());
        assert_eq!(WayBack::find(&parameters, &gateway).and_then(|way| way.state), Some("a b"));
    }

    #[test]
    fn lch_2_redirect_uris_match_exactly_or_there_is_no_way_back() {
        // LCH-2
        let gateway = gateway();
        let slash = format!("{CALLBACK}/");
        let query = format!("{CALLBACK}?x=1");
        let upper = CALLBACK.to_ascii_uppercase();
        for wrong in ["-", "", &slash, &query, &upper, "http://127.0.0.1:3002/business-network/callback", HOME] {
            let parameters = asked(&[("redirect_uri", wrong)]);
            assert!(WayBack::find(&parameters, &gateway).is_none(), "{wrong}");
        }
        for wrong in ["-", "unknown", "Supply-Platform", "business-network"] {
            assert!(WayBack::find(&asked(&[("client_id", wrong)]), &gateway).is_none(), "{wrong}");
        }
        let twice = asked(&[("redirect_uri", CALLBACK), ("redirect_uri", CALLBACK)]);
        assert!(WayBack::find(&twice, &gateway).is_none());
    }

    #[test]
    fn lch_2_every_other_fault_has_its_error_code() {
        // LCH-2
        let cases: &[(&str, &str, &str)] = &[
            ("response_type", "-", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "code id_token", "unsupported_response_type"),
            ("response_mode", "fragment", "invalid_request"),
            ("scope", "-", "invalid_scope"),
            ("scope", "profile openid2", "invalid_scope"),
            ("code_challenge", "-", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("code_challenge_method", "-", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("prompt", "none login", "invalid_request"),
            ("max_age", "-1", "invalid_request"),
            ("acr_values", "urn:elsewhere", "unmet_authentication_requirements"),
            ("request", "x.y.z", "request_not_supported"),
            ("request_uri", "https://a.example", "request_uri_not_supported"),
            ("registration", "{}", "registration_not_supported"),
        ];
        for (name, value, code) in cases {
            assert_eq!(refused(&[(name, value)]), *code, "{name}={value}");
        }
        assert_eq!(refused(&[("nonce", "a"), ("nonce", "b")]), "invalid_request");
        assert_eq!(refused(&[("utm", "a"), ("utm", "a")]), "invalid_request");
    }

    #[test]
    fn lch_2_the_first_demanded_level_that_is_reached_is_named() {
        // LCH-2, CRD-7
        let met = |acr_values, reached| {
            let found = parsed(&[("acr_values", acr_values)]).expect("in order");
            found.request.level_met(reached).map(Level::number)
        };
        assert_eq!(met("-", Level::Two), Some(2));
        assert_eq!(met("urn:vestibule:level:3 urn:vestibule:level:1", Level::Two), Some(1));
        assert_eq!(met("urn:elsewhere urn:vestibule:level:2", Level::Three), Some(2));
        assert_eq!(met("urn:vestibule:level:3", Level::Two), None);
    }

    #[test]
    fn otp_4_freshness_is_measured_against_the_launch() {
        // OTP-4
        let at = |seconds: i64| Timestamp::from_unix(1_000_000 + seconds);
        let raised = Raised {
            at: at(0),
            credential: CredentialId::from_bytes([1; 16]),
            level: Level::Two,
            factor: crate::credential::Factor::App,
        };
        let application = "supply-platform".parse().expect("an id");
        let account = crate::values::AccountId::from_bytes([2; 16]);
        let before = Intent::begin(account, &application, at(-5));
        let after = Intent::begin(account, &application, at(5));
        let fresh = |changes: &[(&str, &str)], intent| {
            parsed(changes).expect("in order").recent_enough(&raised, intent, at(60))
        };
        assert!(fresh(&[], None));
        assert!(fresh(&[("max_age", "60")], None) && !fresh(&[("max_age", "59")], None));
        assert!(fresh(&[("max_age", "0")], Some(&before)), "of this launch, so as fresh as it gets");
        assert!(!fresh(&[("prompt", "login")], None) && !fresh(&[("prompt", "login")], Some(&after)));
        assert!(fresh(&[("prompt", "login")], Some(&before)));
        assert!(!fresh(&[("max_age", "59")], Some(&before)), "of this launch, but older than the application takes");
        assert!(fresh(&[("max_age", "60")], Some(&before)) && !fresh(&[("max_age", "0")], Some(&after)));
        assert!(!fresh(&[("max_age", "59"), ("prompt", "login")], Some(&before)));
    }

    #[test]
    fn lch_2_a_client_authenticates_in_one_way() {
        // LCH-2
        let basic = || Some(("a".to_owned(), "s".to_owned()));
        let find = |basic, pairs: &[(&str, &str)]| ClientCredentials::find(basic, &changed(&[], pairs));
        let of = |secret: Option<&str>| Ok(ClientCredentials { id: "a".to_owned(), secret: secret.map(str::to_owned) });
        assert_eq!(find(basic(), &[]), of(Some("s")));
        assert_eq!(find(basic(), &[("client_id", "a")]), of(Some("s")));
        assert_eq!(find(basic(), &[("client_id", "b")]), Err(TokenError::InvalidClient));
        assert!(matches!(find(basic(), &[("client_secret", "s")]), Err(TokenError::InvalidRequest(_))));
        assert_eq!(find(None, &[("client_id", "a"), ("client_secret", "s")]), of(Some("s")));
        assert_eq!(find(None, &[("client_id", "a")]), of(None));
        assert_eq!(find(None, &[]), Err(TokenError::InvalidClient));
    }

    #[test]
    fn lch_2_a_token_request_is_whole_or_refused() {
        // LCH-2
        let base = [
            ("grant_type", "authorization_code"),
            ("code", "c"),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        assert!(TokenRequest::parse(&changed(&base, &[("resource", "x")])).is_ok());
        for name in ["grant_type", "code", "redirect_uri", "code_verifier"] {
            let parameters = changed(&base, &[(name, "-")]);
            assert!(matches!(TokenRequest::parse(&parameters), Err(TokenError::InvalidRequest(_))), "{name}");
        }
        let refused = |changes: &[(&str, &str)]| {
            TokenRequest::parse(&changed(&base, changes)).map(|_| ()).map_err(TokenError::code)
        };
        assert_eq!(refused(&[("grant_type", "password")]), Err("unsupported_grant_type"));
        assert_eq!(refused(&[("code_verifier", "short")]), Err("invalid_request"));
        assert_eq!(refused(&[("code", "a"), ("code", "b")]), Err("invalid_request"));
    }

    #[test]
    fn lch_2_signing_out_leads_to_registered_addresses_only() {
        // LCH-2
        let gateway = gateway();
        let after =
            |pairs: &[(&str, &str)], hinted| after_logout(&changed(&[], pairs), hinted, &gateway).map(str::to_owned);
        let home = [("post_logout_redirect_uri", HOME)];
        assert_eq!(after(&home, Some("supply-platform")).as_deref(), Some(HOME));
        assert_eq!(after(&home, None), None, "nobody vouches for it");
        assert_eq!(after(&home, Some("business-network")), None, "another client's");
        assert_eq!(after(&[], Some("supply-platform")), None);
        assert_eq!(after(&[("post_logout_redirect_uri", CALLBACK)], Some("supply-platform")), None);
        let contradicts = [("post_logout_redirect_uri", HOME), ("client_id", "business-network")];
        assert_eq!(after(&contradicts, Some("supply-platform")), None);
    }
}
