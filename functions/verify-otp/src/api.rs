//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{
    factors::{Factor, Factors, PhoneNamed},
    form::{FormFaults, LocalPath},
};
use serde::{Deserialize, Serialize};
use shared::{
    account::SignedIn,
    config::Gateway,
    credential::phone::Way,
    refusal::{Faults, Refusal},
    values::{CredentialId, OtpCode, Timestamp},
};

/// Where to go on after the code; only paths of this site are followed.
pub(crate) fn target(requested: Option<&str>) -> LocalPath {
    LocalPath::or(requested, "/dashboard")
}

/// A wish for a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSend {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    pub(crate) credential: Option<String>,
    #[serde(default)]
    pub(crate) phone: PhoneNamed,
    #[serde(default, rename = "continue")]
    pub(crate) target: Option<String>,
}

/// A code as a form or as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawVerify {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default, rename = "continue")]
    pub(crate) target: Option<String>,
}

/// A code that is to be judged.
pub(crate) struct Verify {
    pub(crate) code: OtpCode,
    /// `None` when the account has one authenticator only.
    pub(crate) credential: Option<CredentialId>,
    pub(crate) target: LocalPath,
}

impl RawVerify {
    /// Parses every field and collects every fault.
    pub(crate) fn parse(&self) -> Result<Verify, Refusal> {
        let mut faults = Faults::default();
        let credential = faults.check_optional("credential", self.chosen(), str::parse::<CredentialId>);
        let code = faults.check("code", self.code.parse::<OtpCode>());
        let parsed =
            (|| Some(Verify { code: code?, credential: credential?, target: target(self.target.as_deref()) }))();
        faults.finish(parsed)
    }

    /// The credential that was chosen, as it was sent.
    pub(crate) fn chosen(&self) -> &str {
        self.credential.as_deref().unwrap_or_default()
    }
}

/// The page that asks for a code.
#[derive(Serialize, Template)]
#[template(path = "code.html")]
pub(crate) struct CodePage {
    #[serde(skip)]
    title: &'static str,
    credentials: Factors,
    #[serde(rename = "continue")]
    target: String,
    #[serde(skip)]
    chosen: String,
    #[serde(skip)]
    faults: FormFaults,
}

impl CodePage {
    pub(crate) fn of(
        gateway: &Gateway,
        person: &SignedIn<'_>,
        now: Timestamp,
        chosen: &str,
        target: &LocalPath,
        faults: FormFaults,
    ) -> Self {
        let asker = &person.session.digest;
        let factors = person.account.second_factors(now);
        let credentials: Factors = factors.map(|one| Factor::of(one, gateway, Way::Session, asker, now)).collect();
        Self {
            title: "Enter a one-time code",
            target: target.as_str().to_owned(),
            chosen: chosen.to_owned(),
            faults: credentials.placed(faults),
            credentials,
        }
    }
}

/// The answer to a program.
#[derive(Serialize)]
pub(crate) struct VerifiedView {
    credential: Option<CredentialId>,
    level: Option<u8>,
    #[serde(rename = "continue")]
    target: String,
}

impl VerifiedView {
    pub(crate) fn of(person: &SignedIn<'_>, target: &LocalPath) -> Self {
        let raised = person.session.raised.as_ref();
        Self {
            credential: raised.map(|raised| raised.credential),
            level: raised.map(|raised| raised.level.number()),
            target: target.as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(code: &str, credential: Option<&str>, target: Option<&str>) -> RawVerify {
        let owned = |text: &str| text.to_owned();
        RawVerify { csrf: None, code: owned(code), credential: credential.map(owned), target: target.map(owned) }
    }

    #[test]
    fn otp_1_a_code_goes_on_within_this_site_only() {
        // OTP-1
        let parsed = |target| raw("123 456", None, target).parse().ok().map(|verify| verify.target.into_string());
        assert_eq!(parsed(Some("/launch/supply-platform")).as_deref(), Some("/launch/supply-platform"));
        assert_eq!(parsed(Some("//elsewhere.example")).as_deref(), Some("/dashboard"));
        assert_eq!(parsed(None).as_deref(), Some("/dashboard"));
    }

    #[test]
    fn otp_1_every_fault_is_said_at_once_and_never_repeats_the_code() {
        // OTP-1
        let Err(Refusal::InvalidInput(faults)) = raw("98765", Some("nobody"), None).parse() else {
            panic!("neither is valid")
        };
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["credential", "code"]);
        assert!(faults.iter().all(|fault| !fault.hint.contains("98765")));
        assert!(raw("123456", Some(""), None).parse().is_ok_and(|verify| verify.credential.is_none()));
    }
}
