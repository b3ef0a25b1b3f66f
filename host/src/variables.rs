//! Application variables and the templates that use them.
//!
//! A value comes from the host's options, else from the environment (`SPIN_VARIABLE_NAME`, as in Spin),
//! else from the manifest's default. Values may be secret: they never appear in an error or a log.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};

use crate::manifest::{Variable, is_variable_name};

/// The values of all application variables.
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Determines the value of every declared variable.
    ///
    /// # Errors
    /// If a required variable has no value, or `given` names a variable that is not declared.
    pub fn resolve(
        declared: &BTreeMap<String, Variable>,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
            bail!("variable {unknown:?} is not declared in [variables]");
        }
        let mut missing = Vec::new();
        let mut values = BTreeMap::new();
        for (name, variable) in declared {
            let from_environment = || environment(&environment_name(name));
            match given.get(name).cloned().or_else(from_environment).or_else(|| variable.default.clone()) {
                Some(value) => {
                    values.insert(name.clone(), value);
                }
                None => missing.push(format!("{name} (set {})", environment_name(name))),
            }
        }
        ensure!(missing.is_empty(), "required variables have no value: {}", missing.join(", "));
        Ok(Self(values))
    }

    /// Replaces each `{{ name }}` in `template` by the variable's value.
    ///
    /// # Errors
    /// If the template is malformed or names an unknown variable; the message holds the template, no value.
    pub fn expand(&self, template: &str) -> anyhow::Result<String> {
        let mut expanded = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, tail) = after.split_once("}}").with_context(|| format!("{template:?}: `{{{{` is not closed"))?;
            let name = name.trim();
            ensure!(is_variable_name(name), "{template:?}: {name:?} is not a variable name");
            let value = self.0.get(name).with_context(|| format!("{template:?}: variable {name:?} is not declared"))?;
            expanded.push_str(literal);
            expanded.push_str(value);
            rest = tail;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

fn environment_name(name: &str) -> String {
    format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> BTreeMap<String, Variable> {
        let variable = |default: Option<&str>| Variable {
            default: default.map(str::to_owned),
            required: default.is_none(),
            _secret: false,
        };
        BTreeMap::from([("host".to_owned(), variable(Some("example.org"))), ("key".to_owned(), variable(None))])
    }

    #[test]
    fn options_win_over_environment_and_environment_over_default() {
        let environment =
            |name: &str| (name == "SPIN_VARIABLE_KEY" || name == "SPIN_VARIABLE_HOST").then(|| "env".to_owned());
        let given = BTreeMap::from([("key".to_owned(), "option".to_owned())]);
        let variables = Variables::resolve(&declared(), &given, environment).expect("all have values");
        assert_eq!(variables.expand("https://{{ host }}/{{key}}").expect("is a template"), "https://env/option");
    }

    #[test]
    fn a_missing_required_variable_is_named() {
        let error = Variables::resolve(&declared(), &BTreeMap::new(), |_| None).err().expect("key has no value");
        assert_eq!(error.to_string(), "required variables have no value: key (set SPIN_VARIABLE_KEY)");
    }

    #[test]
    fn templates_are_checked() {
        let given = BTreeMap::from([("key".to_owned(), "k".to_owned())]);
        let variables = Variables::resolve(&declared(), &given, |_| None).expect("all have values");
        for template in ["{{ host", "{{ nobody }}", "{{ }}"] {
            assert!(variables.expand(template).is_err(), "{template}");
        }
    }
}
