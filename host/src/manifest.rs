//! Reading `spin.toml` (manifest version 2), strictly.
//!
//! The host understands the part of the manifest that this project uses and refuses the rest: a key that
//! would be ignored here and obeyed by Spin is a difference that nobody would notice. Errors name the
//! file, the key and the reason.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};

/// Components in one application: far above what an application needs, low enough to catch a runaway generator.
const MAX_COMPONENTS: usize = 256;

/// An application as `spin.toml` describes it, its references resolved and checked.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The directory of the manifest; relative paths in it start here.
    pub root: PathBuf,
    pub name: String,
    pub variables: BTreeMap<String, Variable>,
    pub routes: Vec<Route>,
    /// Only components that a trigger names, by id; those behind no route are called by other components only.
    pub components: BTreeMap<String, Component>,
}

/// A route and the id of the component behind it.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub route: String,
    pub component: String,
}

/// An application variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub default: Option<String>,
    #[serde(default)]
    pub required: bool,
    /// The host prints no variable's value, secret or not.
    #[serde(default, rename = "secret")]
    pub _secret: bool,
}

/// What a component is made of and what it may touch.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    pub source: PathBuf,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub files: Vec<FileMount>,
    #[serde(default)]
    pub exclude_files: Vec<String>,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default, rename = "build")]
    _build: Option<toml::Table>,
    #[serde(default, rename = "tool")]
    _tool: Option<toml::Table>,
}

/// Files that a component may read.
#[derive(Debug, Clone)]
pub(crate) struct FileMount {
    /// Relative to the manifest's directory.
    pub source: PathBuf,
    /// Absolute path inside the component.
    pub destination: String,
}

impl Manifest {
    /// Reads and checks the manifest at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, is not a version 2 manifest, holds a key that this host does not
    /// support, or refers to a component that does not exist.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read"))?;
        let document: Document = toml::from_str(&text).map_err(|error| anyhow::anyhow!("{shown}: {error}"))?;
        let root = path.parent().unwrap_or(Path::new("")).to_path_buf();
        document.check(root).with_context(|| shown.to_string())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    spin_manifest_version: u32,
    application: Application,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    name: String,
    #[serde(default, rename = "version")]
    _version: Option<String>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    #[serde(default, rename = "trigger")]
    _trigger: Option<toml::Table>,
    #[serde(default, rename = "tool")]
    _tool: Option<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    http: Vec<HttpTrigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTrigger {
    #[serde(default)]
    id: Option<String>,
    route: TriggerRoute,
    component: ComponentReference,
}

/// `route = "/path"`, or `route = { private = true }` for what only other components call.
#[derive(Deserialize)]
#[serde(untagged)]
enum TriggerRoute {
    Public(String),
    Private(PrivateRoute),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivateRoute {
    private: bool,
}

/// `component = "id"`, or the component itself in the trigger.
enum ComponentReference {
    Id(String),
    Inline(Box<Component>),
}

impl Document {
    fn check(self, root: PathBuf) -> anyhow::Result<Manifest> {
        ensure!(
            self.spin_manifest_version == 2,
            "spin_manifest_version: {} is not supported, only 2 is",
            self.spin_manifest_version
        );
        ensure!(self.component.len() <= MAX_COMPONENTS, "component: more than {MAX_COMPONENTS} components");
        for (name, variable) in &self.variables {
            check_variable(name, variable)?;
        }
        let mut declared = self.component;
        let mut components = BTreeMap::new();
        let mut routes = Vec::new();
        for (position, trigger) in self.trigger.http.into_iter().enumerate() {
            let at = format!("trigger.http[{position}]");
            let id = match trigger.component {
                ComponentReference::Id(id) => {
                    if let Some(component) = declared.remove(&id) {
                        components.insert(id.clone(), component);
                    }
                    ensure!(components.contains_key(&id), "{at}.component: there is no [component.{id}]");
                    id
                }
                ComponentReference::Inline(component) => {
                    let id = trigger.id.unwrap_or_else(|| format!("inline-{position}"));
                    ensure!(
                        !components.contains_key(&id) && !declared.contains_key(&id),
                        "{at}.id: {id:?} is taken by another component"
                    );
                    components.insert(id.clone(), *component);
                    id
                }
            };
            match trigger.route {
                TriggerRoute::Public(route) => {
                    if routes.iter().any(|known: &Route| known.route == route) {
                        bail!("{at}.route: {route:?} is declared twice");
                    }
                    routes.push(Route { route, component: id });
                }
                TriggerRoute::Private(route) => {
                    ensure!(route.private, "{at}.route.private: leave it out, or write a path as the route");
                }
            }
        }
        for (id, component) in &components {
            ensure!(
                component.exclude_files.is_empty() || !component.files.is_empty(),
                "component.{id}.exclude_files: there are no files to exclude from"
            );
        }
        Ok(Manifest { root, name: self.application.name, variables: self.variables, routes, components })
    }
}

fn check_variable(name: &str, variable: &Variable) -> anyhow::Result<()> {
    ensure!(is_variable_name(name), "variables.{name}: names are lower case ASCII, digits and single underscores");
    match (&variable.default, variable.required) {
        (None, false) => bail!("variables.{name}: needs either `default` or `required = true`"),
        (Some(_), true) => bail!("variables.{name}: has both `default` and `required = true`"),
        (None, true) | (Some(_), false) => Ok(()),
    }
}

/// Whether Spin would accept `name` as the name of a variable.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

impl<'de> Deserialize<'de> for ComponentReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ComponentReference;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a component's id or an inline component")
            }

            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<Self::Value, E> {
                Ok(ComponentReference::Id(id.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let component = Component::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ComponentReference::Inline(Box::new(component)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for FileMount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Placement {
            source: PathBuf,
            destination: String,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = FileMount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or { source, destination }")
            }

            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Self::Value, E> {
                if path.contains(['*', '?', '[']) {
                    return Err(E::custom("patterns are not supported by this host; name a file or a directory"));
                }
                Ok(FileMount { source: path.into(), destination: format!("/{path}") })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let Placement { source, destination } = Placement::deserialize(MapAccessDeserializer::new(map))?;
                Ok(FileMount { source, destination })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"a\"\n";

    fn read(rest: &str) -> Result<Manifest, String> {
        toml::from_str::<Document>(&format!("{HEAD}{rest}"))
            .map_err(|error| error.to_string())
            .and_then(|document| document.check(PathBuf::new()).map_err(|error| error.to_string()))
    }

    #[test]
    fn components_may_be_named_or_inline() {
        let manifest = read(
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\nfiles = [\"x/y\", { source = \"s\", destination = \"/d\" }]\n\
             [[trigger.http]]\nid = \"b\"\nroute = \"/b\"\ncomponent = { source = \"b.wasm\" }\n",
        )
        .expect("is a valid manifest");
        assert_eq!(manifest.components.keys().collect::<Vec<_>>(), ["a", "b"]);
        let destinations: Vec<_> = manifest.components["a"].files.iter().map(|f| f.destination.as_str()).collect();
        assert_eq!(destinations, ["/x/y", "/d"]);
    }

    #[test]
    fn a_private_component_has_no_route() {
        let manifest = read(
            "[[trigger.http]]\nroute = { private = true }\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n",
        )
        .expect("is a valid manifest");
        assert!(manifest.routes.is_empty() && manifest.components.contains_key("a"));
    }

    #[test]
    fn faults_name_the_key_and_the_reason() {
        let route = "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n";
        let component = "[component.a]\nsource = \"a.wasm\"\n";
        let cases = [
            (route.to_owned(), "trigger.http[0].component: there is no [component.a]"),
            (format!("{route}{route}{component}"), "trigger.http[1].route: \"/a\" is declared twice"),
            (format!("{route}{component}ai_models = []\n"), "unknown field `ai_models`"),
            (
                format!("[[trigger.http]]\nroute = {{ private = false }}\ncomponent = \"a\"\n{component}"),
                "trigger.http[0].route.private: leave it out",
            ),
            (format!("{route}{component}files = [\"*.txt\"]\n"), "patterns are not supported"),
            (format!("{route}{component}[variables]\nx = {{}}\n"), "variables.x: needs either"),
            (format!("{route}{component}[variables]\nX = {{ default = \"\" }}\n"), "variables.X: names are lower case"),
        ];
        for (text, expected) in cases {
            let error = read(&text).expect_err("is refused");
            assert!(error.contains(expected), "{error} does not contain {expected}");
        }
    }
}
