//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{Edge, Failure, Platform, Request, form::FormFaults, password::Chosen};
use serde::{Deserialize, Serialize};
use shared::{
    account::{Account, ChosenSecrets, SECURITY_QUESTIONS},
    config::Gateway,
    password::SecurityAnswer,
    refusal::Faults,
    values::ParseError,
};

/// The submitted page. The three questions are numbered, so that a form and a JSON document look alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawActivation {
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    password: String,
    password_repeated: String,
    #[serde(default)]
    question_1: String,
    #[serde(default)]
    answer_1: String,
    #[serde(default)]
    question_2: String,
    #[serde(default)]
    answer_2: String,
    #[serde(default)]
    question_3: String,
    #[serde(default)]
    answer_3: String,
}

impl RawActivation {
    pub(crate) fn decode(request: &Request) -> Result<Self, Failure> {
        request.decode()
    }

    /// The questions as they were chosen, to keep them in a refused form.
    pub(crate) fn chosen_questions(&self) -> [String; SECURITY_QUESTIONS] {
        [&self.question_1, &self.question_2, &self.question_3].map(Clone::clone)
    }

    /// Judges password and answers by the policy and hashes them (ACT-1, ACT-2).
    pub(crate) fn secrets<P: Platform>(
        &self,
        edge: &Edge<P>,
        account: &Account,
        organisation: &str,
    ) -> Result<ChosenSecrets, Failure> {
        let mut faults = Faults::default();
        let chosen = Chosen { password: &self.password, repeated: &self.password_repeated };
        let password = edge.new_password(chosen, account, organisation, &mut faults)?;
        let answers = self.parse_answers(&edge.gateway, &mut faults);
        let parsed = faults.finish(password.zip(answers))?;
        let (pepper, rng) = (edge.keys.pepper(), &mut edge.rng());
        let (password, answers) = parsed;
        Ok(ChosenSecrets {
            password: password.hash(&pepper, rng),
            answers: answers.into_iter().map(|(question, answer)| (question, answer.hash(&pepper, rng))).collect(),
        })
    }

    fn parse_answers(&self, gateway: &Gateway, faults: &mut Faults) -> Option<Vec<(String, SecurityAnswer)>> {
        let Some(offered) = &gateway.service.security_questions else {
            return Some(Vec::new());
        };
        let given = [
            (&self.question_1, &self.answer_1),
            (&self.question_2, &self.answer_2),
            (&self.question_3, &self.answer_3),
        ];
        let mut chosen = Vec::new();
        for (n, (question, answer)) in given.into_iter().enumerate() {
            let number = n.saturating_add(1);
            if !offered.contains(question) {
                let hint = format!("Choose question {number} from the list.");
                faults.add(format!("question_{number}"), "not-chosen", hint);
            } else if chosen.iter().any(|(earlier, _): &(String, _)| earlier.as_str() == question.as_str()) {
                let hint = format!("Choose another question {number}: three different ones.");
                faults.add(format!("question_{number}"), "repeated", hint);
            }
            let parsed = SecurityAnswer::parse(answer)
                .map_err(|error| ParseError::new(error.code, format!("Answer {number}: {}", error.hint)));
            if let Some(answer) = faults.check(format!("answer_{number}"), parsed) {
                chosen.push((question.clone(), answer));
            }
        }
        (chosen.len() == SECURITY_QUESTIONS).then_some(chosen)
    }
}

/// The activation page.
#[derive(Serialize, Template)]
#[template(path = "activate.html")]
pub(crate) struct ActivatePage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    token: String,
    name: String,
    email: String,
    user_id: String,
    password_min_code_points: usize,
    security_questions: Vec<String>,
    #[serde(skip)]
    chosen: [String; SECURITY_QUESTIONS],
}

impl ActivatePage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        account: &Account,
        token: String,
        faults: FormFaults,
        chosen: &[String],
    ) -> Self {
        let mut questions = chosen.iter().cloned();
        Self {
            title: "Activate your account",
            faults,
            token,
            name: account.name.full(),
            email: account.email.as_str().to_owned(),
            user_id: account.user_id.as_str().to_owned(),
            password_min_code_points: edge.gateway.service.password_min_code_points,
            security_questions: edge.gateway.service.security_questions.clone().unwrap_or_default(),
            chosen: [(); SECURITY_QUESTIONS].map(|()| questions.next().unwrap_or_default()),
        }
    }

    /// Number, field of the question, field of the answer, chosen question.
    fn questions(&self) -> impl Iterator<Item = (usize, String, String, &str)> {
        let asked = !self.security_questions.is_empty();
        self.chosen.iter().enumerate().filter(move |_| asked).map(|(n, chosen)| {
            let number = n.saturating_add(1);
            (number, format!("question_{number}"), format!("answer_{number}"), chosen.as_str())
        })
    }

    fn options(&self) -> Vec<(&str, &str)> {
        self.security_questions.iter().map(|question| (question.as_str(), question.as_str())).collect()
    }
}

/// What JSON callers get.
#[derive(Serialize)]
pub(crate) struct Activated {
    pub(crate) user_id: String,
    pub(crate) dashboard: &'static str,
}
