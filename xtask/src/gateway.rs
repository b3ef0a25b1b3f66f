//! The demonstration's configuration, and the variables that it asks for.

use std::{fs, net::SocketAddr};

use anyhow::{Context as _, anyhow};
use shared::config::Gateway;

use crate::workspace;

/// The configuration's file in the project's directory.
pub(crate) const FILE: &str = "gateway.toml";

/// Its compiled form, beside the components.
pub(crate) const COMPILED: &str = "gateway.bin";

/// Where `gateway.toml` expects the demonstration application.
pub(crate) const APPLICATION: &str = "127.0.0.1:3002";
/// Where the configuration has the payment provider.
pub(crate) const PAYMENTS: &str = "127.0.0.1:3003";

/// The text of the configuration.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn text() -> anyhow::Result<String> {
    let path = workspace::root().join(FILE);
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The configuration.
///
/// # Errors
/// The first fault in it.
pub(crate) fn parse(text: &str) -> anyhow::Result<Gateway> {
    Gateway::parse(text).map_err(|fault| anyhow!("{FILE}: {fault}"))
}

/// The same configuration for a demonstration application and a payment provider at other addresses.
pub(crate) fn moved(text: &str, application: SocketAddr, payments: SocketAddr) -> String {
    text.replace(&format!("http://{APPLICATION}/"), &format!("http://{application}/"))
        .replace(&format!("\"http://{PAYMENTS}\""), &format!("\"http://{payments}\""))
}

/// A secret that the configuration wants to find in a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A long random text of which the service knows only the digest: an API key, a client's secret.
    Key,
    /// What both sides of a webhook know. One of Standard Webhooks is good in every dialect.
    Webhook,
    /// Typed by a person; the service knows only the digest.
    Password,
}

/// Every variable that the configuration names, with what it holds.
pub(crate) fn variables(gateway: &Gateway) -> Vec<(&str, Kind)> {
    let partners = gateway.partners.iter().flat_map(|partner| {
        let keys = partner.api_key_digest_variables.iter().map(|name| (name.as_str(), Kind::Key));
        let endpoint = partner.endpoint.iter().flat_map(|endpoint| &endpoint.secret_variables);
        keys.chain(partner.webhook_secret_variables.iter().chain(endpoint).map(|name| (name.as_str(), Kind::Webhook)))
    });
    let applications = gateway.applications.iter().filter_map(|application| {
        let variable = application.oidc.client_secret_digest_variable.as_deref()?;
        Some((variable, Kind::Key))
    });
    let operators = gateway.operators.iter().filter_map(|operator| {
        let variable = operator.password_digest_variable.as_deref()?;
        Some((variable, Kind::Password))
    });
    let payments = gateway.payments.iter().flat_map(|payments| &payments.secret_variables);
    let payments = payments.map(|name| (name.as_str(), Kind::Webhook));
    partners.chain(applications).chain(operators).chain(payments).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_is_valid_and_can_be_moved() -> anyhow::Result<()> {
        let text = text()?;
        let gateway = parse(&text)?;
        let names: Vec<_> = variables(&gateway).into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"anvil_api_key_digest") && names.contains(&"cobalt_webhook_secret"), "{names:?}");

        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let elsewhere = parse(&moved(&text, at(4002), at(4003)))?;
        let page = elsewhere.payments.as_ref().map(|payments| payments.page_origin.as_str());
        assert_eq!(page, Some("http://127.0.0.1:4003"));
        for application in &elsewhere.applications {
            assert!(application.oidc.initiate_login_uri.starts_with("http://127.0.0.1:4002/"));
        }
        Ok(())
    }

    #[test]
    fn a_fault_names_file_key_and_reason() -> anyhow::Result<()> {
        let broken = text()?.replacen("partner = \"anvil\"", "partner = \"nobody\"", 1);
        let fault = parse(&broken).err().map(|error| error.to_string());
        let expected = "gateway.toml: applications.supply-platform.partner: there is no partner \"nobody\"";
        assert_eq!(fault.as_deref(), Some(expected));
        Ok(())
    }
}
