//! The captcha of the public form (REG-7): what a browser sends for it, and whether it is good.
//!
//! A proof of work is checked here. A provider is asked by its `siteverify` call, which is the same for all of them: a
//! form with `secret`, `response` and `sitekey`, answered with a JSON object.

use base64ct::{Base64, Encoding as _};
use edge::{
    Edge, Failure, Outcome, Platform,
    platform::Question,
    request::{form_encoded, from_json},
    view,
};
use http::StatusCode;
use shared::{
    captcha::{Challenge, ProviderResponse, RawSolution, Solved, Verdict},
    config::{Captcha, CaptchaService},
    refusal::Refusal,
    values::{FormId, Seconds},
};

/// How long a provider may take.
const PATIENCE: Seconds = Seconds(5);
/// The longest solution, in bytes, as base64.
const SOLUTION_BYTES_MAX: usize = 2048;

/// What a browser sent for the captcha.
pub(crate) enum Presented {
    /// The solution of a proof of work.
    Work(Box<RawSolution>),
    /// The response of a provider's widget.
    Provider(ProviderResponse),
}

/// A fresh challenge, for a browser's script (ALTCHA, version 1).
pub(crate) fn challenge<P: Platform>(edge: &Edge<P>) -> Outcome {
    let Captcha::ProofOfWork { max_number } = edge.gateway.public_form.captcha else {
        return Err(Refusal::NotFound.into());
    };
    let challenge = Challenge::issue(max_number, &edge.keys, edge.now, &mut edge.rng());
    view::document(StatusCode::OK, &challenge)
}

impl Presented {
    /// Reads what the configured widget sends: for a proof of work base64 of a JSON object.
    pub(crate) fn parse<P: Platform>(edge: &Edge<P>, text: &str) -> Result<Self, Refusal> {
        match &edge.gateway.public_form.captcha {
            Captcha::ProofOfWork { .. } => {
                let bytes = Some(text).filter(|text| text.len() <= SOLUTION_BYTES_MAX).map(Base64::decode_vec);
                let solution = bytes.and_then(Result::ok).and_then(|json| from_json(&json).ok());
                solution.map(Self::Work).ok_or_else(|| {
                    let hint = "The check did not arrive whole. Reload the page and try again.";
                    Refusal::field("captcha", "captcha-invalid", hint)
                })
            }
            Captcha::Provider { .. } => Ok(Self::Provider(ProviderResponse::parse(text)?)),
        }
    }

    /// The form that it is for, whether it is good or not.
    pub(crate) fn form<P: Platform>(&self, edge: &Edge<P>) -> FormId {
        match self {
            Self::Work(solution) => solution.form(&edge.keys),
            Self::Provider(response) => response.form(&edge.keys),
        }
    }

    /// Whether it is good.
    ///
    /// # Errors
    /// A fault of the field `captcha`; a fault when the provider does not answer.
    pub(crate) async fn check<P: Platform>(&self, edge: &Edge<P>) -> Result<Solved, Failure> {
        match self {
            Self::Work(solution) => Ok(solution.check(&edge.keys, edge.now)?),
            Self::Provider(response) => {
                let (service, verdict) = verdict(edge, response).await?;
                Ok(response.judged(&verdict, service, &edge.public_url, &edge.keys)?)
            }
        }
    }
}

async fn verdict<P: Platform>(
    edge: &Edge<P>,
    response: &ProviderResponse,
) -> Result<(CaptchaService, Verdict), Failure> {
    let fault = |reason: String| Failure::Fault(format!("captcha provider: {reason}"));
    let Captcha::Provider { service, site_key, secret_variable, verify_url } = &edge.gateway.public_form.captcha else {
        return Err(fault("none is configured".to_owned()));
    };
    let secret = edge.platform.variable(secret_variable).await?;
    let secret = secret.ok_or_else(|| fault(format!("variable {secret_variable} is empty")))?;
    // For hCaptcha the site key says whose response it has to be; the others pass over it.
    let form =
        form_encoded(&[("secret", secret.as_str()), ("response", response.as_str()), ("sitekey", site_key.as_str())]);
    let answered = edge.platform.ask(Question { url: verify_url.clone(), form }, PATIENCE).await?;
    if answered.status != 200 {
        return Err(fault(format!("it answered {}", answered.status)));
    }
    let verdict = from_json(&answered.body).map_err(|bad| fault(format!("its answer is {bad:?}")))?;
    Ok((*service, verdict))
}
