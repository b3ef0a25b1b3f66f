//! A forgotten password: the question for a link, and what is chosen with it.

use askama::Template;
use edge::{
    Edge, Failure, Platform,
    factors::{Factor, Factors, PhoneNamed},
    form::FormFaults,
    password::Chosen as ChosenPassword,
};
use serde::{Deserialize, Serialize};
use shared::{
    account::{Account, Needed},
    credential::phone::Way,
    password::{NewPassword, SecurityAnswer},
    refusal::{Faults, Refusal},
    secret::{PlainToken, TokenPurpose},
    values::{CredentialId, OtpCode, ParseError},
};

/// The question for a link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReset {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    pub(crate) user: String,
}

impl RawReset {
    pub(crate) fn parse(&self) -> Result<(), Refusal> {
        if self.user.trim().is_empty() {
            return Err(Refusal::field("user", "missing", "Enter your e-mail or User ID."));
        }
        Ok(())
    }
}

/// The page that asks whose password is forgotten.
#[derive(Serialize, Template)]
#[template(path = "reset.html")]
pub(crate) struct ResetPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    user: String,
}

impl ResetPage {
    pub(crate) fn new(faults: FormFaults, user: &str) -> Self {
        Self { title: "Forgotten your password?", faults, user: user.to_owned() }
    }
}

/// The page after the question, the same for every name.
#[derive(Serialize, Template)]
#[template(path = "sent.html")]
pub(crate) struct SentPage {
    #[serde(skip)]
    title: &'static str,
    asked: bool,
}

impl SentPage {
    pub(crate) fn new() -> Self {
        Self { title: "Look at your e-mail", asked: true }
    }
}

/// What JSON callers get for the question, whatever comes of it.
#[derive(Serialize)]
pub(crate) struct LinkAsked {
    pub(crate) asked: bool,
}

/// A proof and a new password. The answers are numbered as the questions are shown, so that a form and a JSON document
/// look alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawChoice {
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    answer_1: String,
    #[serde(default)]
    answer_2: String,
    #[serde(default)]
    answer_3: String,
    password: String,
    password_repeated: String,
}

/// What was given as a proof, to be judged.
pub(crate) enum Given {
    /// A one-time code.
    Code {
        /// `None` when the account has one authenticator only.
        credential: Option<CredentialId>,
        /// The code.
        code: OtpCode,
    },
    /// Answers in the order of the questions.
    Answers(Vec<String>),
}

/// A proof and a new password, parsed.
pub(crate) struct Chosen {
    pub(crate) given: Given,
    pub(crate) password: NewPassword,
}

impl RawChoice {
    /// Parses every field and collects every fault; nothing is judged yet.
    pub(crate) fn parse<P: Platform>(
        &self,
        edge: &Edge<P>,
        account: &Account,
        needed: &Needed<'_>,
        organisation: &str,
    ) -> Result<Chosen, Failure> {
        let mut faults = Faults::default();
        let given = match needed {
            Needed::Code(_) => self.code(&mut faults),
            Needed::Answers(kept) => self.answers(kept.len(), &mut faults),
        };
        let chosen = ChosenPassword { password: &self.password, repeated: &self.password_repeated };
        let password = edge.new_password(chosen, account, organisation, &mut faults)?;
        let parsed = given.zip(password).map(|(given, password)| Chosen { given, password });
        Ok(faults.finish(parsed)?)
    }

    fn code(&self, faults: &mut Faults) -> Option<Given> {
        let credential = faults.check_optional("credential", self.chosen_credential(), str::parse::<CredentialId>);
        let code = faults.check("code", self.code.parse::<OtpCode>());
        credential.zip(code).map(|(credential, code)| Given::Code { credential, code })
    }

    fn answers(&self, asked: usize, faults: &mut Faults) -> Option<Given> {
        let given = [&self.answer_1, &self.answer_2, &self.answer_3];
        for (n, answer) in given.iter().take(asked).enumerate() {
            let number = n.saturating_add(1);
            let parsed = SecurityAnswer::parse(answer)
                .map_err(|error| ParseError::new(error.code, format!("Answer {number}: {}", error.hint)));
            faults.check(format!("answer_{number}"), parsed);
        }
        faults.is_empty().then(|| Given::Answers(given.into_iter().take(asked).cloned().collect()))
    }

    /// The credential that was chosen, as it was sent.
    pub(crate) fn chosen_credential(&self) -> &str {
        self.credential.as_deref().unwrap_or_default()
    }
}

/// A wish for a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSend {
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    pub(crate) credential: Option<String>,
    #[serde(default)]
    pub(crate) phone: PhoneNamed,
}

/// The page behind the link.
#[derive(Serialize, Template)]
#[template(path = "choose.html")]
pub(crate) struct ChoosePage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    token: String,
    user_id: String,
    password_min_code_points: usize,
    /// Codes of these are a proof; none where the questions have to be answered.
    pub(super) credentials: Factors,
    #[serde(skip)]
    credential: String,
    questions: Vec<String>,
}

impl ChoosePage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        account: &Account,
        needed: &Needed<'_>,
        token: &PlainToken,
        faults: FormFaults,
    ) -> Self {
        let asker = token.digest(TokenPurpose::Reset);
        let (credentials, questions) = match needed {
            Needed::Code(factors) => {
                let factors = factors.iter().map(|one| Factor::of(one, &edge.gateway, Way::Link, &asker, edge.now));
                (factors.collect(), Vec::new())
            }
            Needed::Answers(kept) => (Factors::default(), kept.iter().map(|(question, _)| question.clone()).collect()),
        };
        Self {
            title: "Choose a new password",
            faults: if questions.is_empty() { credentials.placed(faults) } else { faults },
            token: token.reveal(),
            user_id: account.user_id.as_str().to_owned(),
            password_min_code_points: edge.gateway.service.password_min_code_points,
            credentials,
            credential: String::new(),
            questions,
        }
    }

    /// With the credential that was chosen before.
    pub(crate) fn with_credential(self, chosen: &str) -> Self {
        Self { credential: chosen.to_owned(), ..self }
    }

    /// Field of the answer, question.
    fn numbered(&self) -> impl Iterator<Item = (String, &str)> {
        let numbered = self.questions.iter().enumerate();
        numbered.map(|(n, question)| (format!("answer_{}", n.saturating_add(1)), question.as_str()))
    }
}

/// What JSON callers get.
#[derive(Serialize)]
pub(crate) struct Replaced {
    pub(crate) password_changed: bool,
}
