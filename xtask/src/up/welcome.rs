//! What a newcomer needs to go on: addresses, keys, and how to sign in.

use anyhow::anyhow;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use shared::{
    config::{Gateway, Operator, OperatorRole, Partner, Registration},
    totp::{Parameters, otpauth_uri},
};

use super::Addresses;
use crate::secrets::Secrets;

/// Prints it.
///
/// # Errors
/// When a secret is missing.
pub(super) fn print(addresses: &Addresses, secrets: &Secrets, gateway: &Gateway) -> anyhow::Result<()> {
    let service = format!("http://{}", addresses.service);
    println!("\n{} is running.\n", gateway.service.name);
    place("Dashboard", &format!("{service}/dashboard"));
    place("Mailbox", &format!("http://{}/", addresses.mailbox));
    place("Storefront", &format!("{service}/webstore-checkout"));
    place("Application", &format!("http://{}/", addresses.application));
    place("Payments", &format!("http://{}/", addresses.payments));
    for application in &gateway.applications {
        if application.registration == Registration::Public {
            place("Register", &format!("{service}/register?application={}", application.id));
        }
    }

    println!("\nOperators sign in at {service}/operate with a password and a code:");
    // Whoever decides about registrations first: without them nothing goes on.
    let (registrars, others): (Vec<_>, Vec<_>) =
        gateway.operators.iter().partition(|operator| operator.roles.contains(&OperatorRole::Registrar));
    for operator in registrars.into_iter().chain(others) {
        print_operator(operator, addresses, secrets, gateway)?;
    }

    println!("\nCards to try where you pay, with any month to come and any security code; no money moves:");
    place("  succeeds", "4242 4242 4242 4242");
    place("  is declined", "4000 0000 0000 0002");
    println!("  The payment page lists others, which tell the service late, twice, or in the wrong order.");

    println!("\nPartners call the service with their API keys:");
    for partner in &gateway.partners {
        print_partner(partner, &service, secrets, gateway)?;
    }
    println!();
    Ok(())
}

fn place(name: &str, address: &str) {
    println!("  {name:<12} {address}");
}

fn print_operator(
    operator: &Operator,
    addresses: &Addresses,
    secrets: &Secrets,
    gateway: &Gateway,
) -> anyhow::Result<()> {
    println!("\n  {} ({})", operator.name, operator.id);
    let Some(variable) = &operator.password_digest_variable else {
        place("  enrols", "by a link that a colleague sends from the page \"Operators\"");
        return Ok(());
    };
    let seed = secrets.keys()?.operator_totp_seed(&operator.id);
    let uri = otpauth_uri(&gateway.service.name, operator.id.as_str(), seed.expose(), &Parameters::authenticator_app());
    place("  name", operator.id.as_str());
    place("  password", secrets.behind(variable)?);
    place(
        "  code",
        &format!("http://{}/authenticator?uri={}", addresses.mailbox, utf8_percent_encode(&uri, NON_ALPHANUMERIC)),
    );
    Ok(())
}

fn print_partner(partner: &Partner, service: &str, secrets: &Secrets, gateway: &Gateway) -> anyhow::Result<()> {
    println!("\n  {} ({})", partner.name, partner.id);
    for variable in &partner.api_key_digest_variables {
        place("  API key", secrets.behind(variable)?);
    }
    let Some(variable) = partner.api_key_digest_variables.first() else {
        return Err(anyhow!("partner {} has no API key", partner.id));
    };
    let application = gateway.applications.iter().find(|application| application.partner == partner.id);
    if let Some(application) = application {
        println!("    Invite a supplier:");
        println!("      curl -sS {service}/invite \\");
        println!("        -H 'Authorization: Bearer {}' \\", secrets.behind(variable)?);
        println!("        -H 'Idempotency-Key: first-invitation' -H 'Content-Type: application/json' \\");
        println!("        -d '{}'", invitation(application.id.as_str()));
    }
    Ok(())
}

fn invitation(application: &str) -> String {
    format!(
        r#"{{"application":"{application}","organisation":"Northwind Fasteners","given_name":"Ada","family_name":"Okafor","email":"ada@northwind.example"}}"#
    )
}
