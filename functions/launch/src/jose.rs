//! Tokens: ID tokens and access tokens as JWT (RFC 7519, RFC 9068), signed with ES256 by one key (RFC 7518, 3.4).
//!
//! The compact serialisation (RFC 7515, 7.1) is put together here over `p256`: one algorithm, one key, and only our
//! own tokens are read back. `jwt-compact` 0.8 does not build with its `p256` feature alone and stands on an older
//! generation of the cryptography.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use edge::{Failure, request::from_json};
use p256::ecdsa::{
    Signature, SigningKey,
    signature::{Signer as _, Verifier as _},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    launch::{AuthorizationCode, Claims, TOKEN_LIFETIME, request::SCOPE},
    secret::{Keys, base64url, digest256},
    values::{CodeId, Timestamp},
};

/// The `typ` of access tokens (RFC 9068, 2.1): an ID token is never taken for one.
const ACCESS_TOKEN: &str = "at+jwt";
const ID_TOKEN: &str = "JWT";
const ALGORITHM: &str = "ES256";
/// Longer than any token of ours.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Of 2^32 seeds one is no key, so a second look at the most.
const KEY_TRIES: usize = 4;

/// The key that signs tokens, and the issuer that they name.
pub(crate) struct Signer<'a> {
    key: SigningKey,
    point: Point,
    kid: String,
    issuer: &'a str,
}

/// What an ID token says (OpenID Connect Core 1.0, 2).
#[derive(Serialize)]
struct IdToken<'a> {
    iss: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    amr: &'a [String],
    at_hash: String,
    #[serde(flatten)]
    person: Person<'a>,
}

/// What tokens and userinfo say about the person.
#[derive(Serialize)]
pub(crate) struct Person<'a> {
    sub: &'a str,
    name: &'a str,
    organization: &'a str,
    organization_name: &'a str,
    roles: &'a [String],
}

impl<'a> Person<'a> {
    /// The part of the claims that is about the person and not about the authentication.
    pub(crate) fn of(claims: &'a Claims) -> Self {
        Self {
            sub: &claims.sub,
            name: &claims.name,
            organization: &claims.organisation,
            organization_name: &claims.organisation_name,
            roles: &claims.roles,
        }
    }
}

/// What an access token says (RFC 9068, 2.2).
#[derive(Serialize)]
struct AccessToken<'a> {
    iss: &'a str,
    aud: String,
    sub: &'a str,
    client_id: &'a str,
    exp: i64,
    iat: i64,
    jti: String,
    scope: &'a str,
}

/// What is read of an access token that comes back.
#[derive(Deserialize)]
struct Presented {
    iss: String,
    aud: String,
    exp: i64,
    jti: String,
}

/// What is read of an ID token that comes back.
#[derive(Deserialize)]
struct Hint {
    iss: String,
    aud: String,
}

/// The header of a token (RFC 7515, 4.1).
#[derive(Serialize, Deserialize)]
struct Header<T> {
    alg: T,
    typ: T,
    kid: T,
}

/// What identifies the key: the members of its thumbprint in alphabetical order (RFC 7638, 3.2).
#[derive(Serialize)]
struct Point {
    crv: &'static str,
    kty: &'static str,
    x: String,
    y: String,
}

/// The public key (RFC 7517).
#[derive(Serialize)]
pub(crate) struct PublicKey<'a> {
    #[serde(flatten)]
    point: &'a Point,
    r#use: &'static str,
    alg: &'static str,
    kid: &'a str,
}

impl<'a> Signer<'a> {
    /// The signer of this deployment.
    ///
    /// # Errors
    /// A fault when the root secret gives no key, which does not happen.
    pub(crate) fn new(keys: &Keys, issuer: &'a str) -> Result<Self, Failure> {
        let seed = *keys.signing_key_seed().expose();
        let key = std::iter::successors(Some(seed), |seed| Some(digest256(seed)))
            .take(KEY_TRIES)
            .find_map(|seed| SigningKey::from_slice(&seed).ok())
            .ok_or_else(|| Failure::Fault("the root secret gives no signing key".to_owned()))?;
        let public = key.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<_>| bytes.map(|bytes: &p256::FieldBytes| base64url(bytes)).unwrap_or_default();
        let point = Point { crv: "P-256", kty: "EC", x: coordinate(public.x()), y: coordinate(public.y()) };
        let kid = base64url(&digest256(&json(&point)?));
        Ok(Self { key, point, kid, issuer })
    }

    /// The public key as the key set shows it.
    pub(crate) fn public_key(&self) -> PublicKey<'_> {
        PublicKey { point: &self.point, r#use: "sig", alg: ALGORITHM, kid: &self.kid }
    }

    /// The access token of an exchanged code.
    ///
    /// # Errors
    /// A fault when it cannot be written.
    pub(crate) fn access_token(&self, code: &AuthorizationCode, now: Timestamp) -> Result<String, Failure> {
        let claims = AccessToken {
            iss: self.issuer,
            aud: self.audience(),
            sub: &code.claims.sub,
            client_id: code.client.as_str(),
            exp: now.plus(TOKEN_LIFETIME).unix(),
            iat: now.unix(),
            jti: code.id.to_string(),
            scope: SCOPE,
        };
        self.sign(ACCESS_TOKEN, &claims)
    }

    /// The ID token of an exchanged code, bound to its access token.
    ///
    /// # Errors
    /// A fault when it cannot be written.
    pub(crate) fn id_token(
        &self,
        code: &AuthorizationCode,
        access_token: &str,
        now: Timestamp,
    ) -> Result<String, Failure> {
        let claims = IdToken {
            iss: self.issuer,
            aud: code.client.as_str(),
            exp: now.plus(TOKEN_LIFETIME).unix(),
            iat: now.unix(),
            auth_time: code.claims.auth_time.unix(),
            nonce: code.nonce.as_deref(),
            acr: &code.claims.acr,
            amr: &code.claims.amr,
            at_hash: half_hash(access_token),
            person: Person::of(&code.claims),
        };
        self.sign(ID_TOKEN, &claims)
    }

    /// The code record of an access token of ours that has not expired.
    pub(crate) fn verify_access_token(&self, token: &str, now: Timestamp) -> Option<CodeId> {
        let claims: Presented = self.verify(ACCESS_TOKEN, token)?;
        let ours = claims.iss == self.issuer && claims.aud == self.audience();
        if ours && now.unix() < claims.exp { claims.jti.parse().ok() } else { None }
    }

    /// The client of an ID token of ours, expired or not (RP-Initiated Logout 1.0, 2).
    pub(crate) fn verify_hint(&self, token: &str) -> Option<String> {
        let claims: Hint = self.verify(ID_TOKEN, token)?;
        (claims.iss == self.issuer).then_some(claims.aud)
    }

    /// Access tokens are for one place only: userinfo.
    fn audience(&self) -> String {
        format!("{}/launch/userinfo", self.issuer)
    }

    fn sign<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, Failure> {
        let header = json(&Header { alg: ALGORITHM, typ: kind, kid: &self.kid })?;
        let signed = format!("{}.{}", base64url(&header), base64url(&json(claims)?));
        let signature: Signature = self.key.sign(signed.as_bytes());
        Ok(format!("{signed}.{}", base64url(&signature.to_bytes())))
    }

    /// The claims of a token of this kind that this key has signed. Nothing of it is believed before that.
    fn verify<T: DeserializeOwned>(&self, kind: &str, token: &str) -> Option<T> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = Signature::from_slice(&decoded(signature)?).ok()?;
        self.key.verifying_key().verify(signed.as_bytes(), &signature).ok()?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header<String> = from_json(&decoded(header)?).ok()?;
        let ours = header.alg == ALGORITHM && header.typ == kind && header.kid == self.kid;
        if ours { from_json(&decoded(claims)?).ok() } else { None }
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::Fault(format!("token: {error}")))
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// `at_hash`: the left half of the hash (OpenID Connect Core 1.0, 3.1.3.6).
fn half_hash(access_token: &str) -> String {
    let digest = digest256(access_token.as_bytes());
    let (half, _) = digest.split_at(digest.len() / 2);
    base64url(half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{
        launch::CodeState,
        secret::{Entropy, PlainToken, TokenPurpose},
        values::{AccountId, Seconds},
    };

    const ISSUER: &str = "https://vestibule.example";

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn keys(root: u8) -> Keys {
        Keys::new(&[root; 32], None).expect("32 bytes")
    }

    fn now() -> Timestamp {
        Timestamp::from_unix(1_800_000_000)
    }

    fn code() -> AuthorizationCode {
        let id = CodeId::from_bytes([1; 16]);
        AuthorizationCode {
            id,
            token: PlainToken::new(*id.bytes(), &mut Sevens).digest(TokenPurpose::AuthorizationCode),
            client: "supply-platform".parse().expect("an id"),
            redirect_uri: String::new(),
            code_challenge: String::new(),
            nonce: Some("n".to_owned()),
            account: AccountId::from_bytes([2; 16]),
            claims: Claims {
                sub: "s".to_owned(),
                name: "Ada Lovelace".to_owned(),
                organisation: "o".to_owned(),
                organisation_name: "Engines Ltd".to_owned(),
                roles: vec!["supplier-user".to_owned()],
                acr: "urn:vestibule:level:2".to_owned(),
                amr: vec!["pwd".to_owned(), "otp".to_owned()],
                auth_time: now(),
            },
            launch_terms: None,
            issued_at: now(),
            state: CodeState::Exchanged(now()),
        }
    }

    #[test]
    fn lch_2_an_access_token_is_taken_until_it_expires() {
        // LCH-2
        let keys = keys(1);
        let signer = Signer::new(&keys, ISSUER).expect("a key");
        let token = signer.access_token(&code(), now()).expect("a token");
        let at = |seconds| signer.verify_access_token(&token, now().plus(Seconds(seconds)));
        assert_eq!(at(0), Some(code().id));
        assert_eq!(at(299), Some(code().id));
        assert_eq!(at(300), None);
        let elsewhere = Signer::new(&keys, "https://elsewhere.example").expect("a key");
        assert_eq!(elsewhere.verify_access_token(&token, now()), None);
    }

    #[test]
    fn lch_2_tokens_are_not_taken_for_each_other_or_from_others() {
        // LCH-2
        let (keys, others) = (keys(1), keys(2));
        let signer = Signer::new(&keys, ISSUER).expect("a key");
        let access = signer.access_token(&code(), now()).expect("a token");
        let id = signer.id_token(&code(), &access, now()).expect("a token");
        assert_eq!(signer.verify_access_token(&id, now()), None);
        assert_eq!(signer.verify_hint(&access), None);
        assert_eq!(signer.verify_hint(&id).as_deref(), Some("supply-platform"), "expiry plays no part");
        let other = Signer::new(&others, ISSUER).expect("a key");
        assert_eq!(other.verify_hint(&id), None);
        assert_eq!(signer.verify_hint(&format!("{id}A")), None);
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", id.split('.').nth(1).expect("claims"));
        assert_eq!(signer.verify_hint(&unsigned), None);
    }

    #[test]
    fn the_key_is_named_by_its_thumbprint() {
        // RFC 7638: required members only, in alphabetical order, without white space.
        let keys = keys(1);
        let signer = Signer::new(&keys, ISSUER).expect("a key");
        let key = serde_json::to_value(signer.public_key()).expect("json");
        let member = |name: &str| key.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let required = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, member("x"), member("y"));
        assert_eq!(member("kid"), base64url(&digest256(required.as_bytes())));
        assert_eq!((member("alg").as_str(), member("use").as_str()), ("ES256", "sig"));
        assert!(key.get("d").is_none());
    }

    #[test]
    fn at_hash_is_the_left_half_of_the_hash() {
        // The example of OpenID Connect Core 1.0, A.3.
        assert_eq!(half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
