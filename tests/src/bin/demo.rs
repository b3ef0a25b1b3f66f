//! `cargo xtask demo`: walks both journeys on a running host as the real actors would, and tells each step.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context, anyhow};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use journeys::{
    place::{Place, Secrets, Time},
    story::{Step, Story},
};
use shared::{
    secret::Keys,
    totp::{Parameters, otpauth_uri},
    values::OperatorId,
};

/// Walks both journeys on a running host.
#[derive(Debug, Parser)]
struct Arguments {
    /// The service.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    service: String,
    /// The mailbox.
    #[arg(long, default_value = "http://127.0.0.1:3001")]
    mailbox: String,
    /// Where `cargo xtask up` keeps its generated secrets.
    #[arg(long, default_value = ".vestibule/secrets.toml")]
    secrets: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe journey stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let place = Place {
        service: arguments.service.clone(),
        mailbox: arguments.mailbox.clone(),
        secrets: secrets(&arguments.secrets)?,
        time: Time::Real,
    };
    let run = place.time.unix_seconds();
    println!("A. By invitation\n");
    let arrival = Story::new(&place, &format!("ada.{run}@kestrel.example"), &mut tell).by_invitation().await?;
    println!("\n   {} is in the application.\n", arrival.user_id);
    println!("B. By self-registration with a promo code\n");
    let arrival = Story::new(&place, &format!("bea.{run}@heron.example"), &mut tell).by_self_registration().await?;
    println!("\n   {} is in the application.", arrival.user_id);
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the story hands each step over")]
fn tell(step: Step) {
    println!("   {:<48} {:<52} {:>6.2} s", step.what, step.outcome, step.took.as_secs_f64());
}

fn secrets(path: &std::path::Path) -> anyhow::Result<Secrets> {
    let named = || format!("{}: is a host running that `cargo xtask up` started?", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    let known: BTreeMap<String, String> = toml::from_str(&text).with_context(named)?;
    let secret = |name: &str| known.get(name).cloned().with_context(|| format!("{} lacks {name}", path.display()));
    let root = STANDARD.decode(secret("root_secret")?).context("root_secret is not base64")?;
    let keys = Keys::new(&root, None).map_err(|error| anyhow!("root_secret: {error}"))?;
    let registrar: OperatorId = "registrar".parse().map_err(|error| anyhow!("{error}"))?;
    let seed = keys.operator_totp_seed(&registrar);
    Ok(Secrets {
        anvil_api_key: secret("anvil_api_key")?,
        anvil_webhook_secret: secret("anvil_webhook_secret")?,
        registrar_password: secret("operator_registrar_password")?,
        registrar_otpauth_uri: otpauth_uri("Vestibule", "registrar", seed.expose(), &Parameters::authenticator_app()),
    })
}
