//! What the commands need to know from `spin.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::Context as _;
use serde::Deserialize;

use crate::workspace;

/// The part of the manifest that is read here; the host checks the whole.
#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
struct Component {
    source: String,
    #[serde(default)]
    files: Vec<Mount>,
}

/// Spin's two ways to mount a file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Mount {
    Same(String),
    Placed { source: String, destination: String },
}

impl Manifest {
    /// Reads the project's manifest.
    ///
    /// # Errors
    /// When it is missing or is not a manifest.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let path = workspace::root().join("spin.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))
    }

    /// The packages of the components, in alphabetical order: a component's file is named after its package.
    ///
    /// # Errors
    /// When a component's source is not a package of this project.
    pub(crate) fn packages(&self) -> anyhow::Result<BTreeSet<String>> {
        let package = |(id, component): (&String, &Component)| {
            let source = Path::new(&component.source);
            let expected = source.parent() == Some(Path::new("target/components"));
            let stem = source.file_stem().and_then(|stem| stem.to_str()).filter(|_| expected);
            stem.map(str::to_owned).with_context(|| {
                format!("spin.toml: component.{id}.source: {} is not in target/components", component.source)
            })
        };
        self.component.iter().map(package).collect()
    }

    /// Where the components see the file with this source.
    pub(crate) fn destinations(&self, file: &str) -> BTreeSet<String> {
        let mounts = self.component.values().flat_map(|component| &component.files);
        mounts
            .filter_map(|mount| match mount {
                Mount::Same(source) => (source == file).then(|| format!("/{source}")),
                Mount::Placed { source, destination } => (source == file).then(|| destination.clone()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        [component.sign-in]
        source = "target/components/sign-in.wasm"
        files = ["gateway.bin"]
        [component.invite]
        source = "target/components/invite.wasm"
        files = [{ source = "gateway.bin", destination = "/etc/gateway.bin" }]
    "#;

    #[test]
    fn what_is_built_and_mounted_comes_from_the_manifest() -> anyhow::Result<()> {
        let manifest: Manifest = toml::from_str(MANIFEST)?;
        assert_eq!(manifest.packages()?.into_iter().collect::<Vec<_>>(), ["invite", "sign-in"]);
        let destinations: Vec<_> = manifest.destinations("gateway.bin").into_iter().collect();
        assert_eq!(destinations, ["/etc/gateway.bin", "/gateway.bin"]);
        Ok(())
    }

    #[test]
    fn a_source_from_elsewhere_is_refused() -> anyhow::Result<()> {
        let manifest: Manifest = toml::from_str("[component.a]\nsource = \"a.wasm\"")?;
        let refused = manifest.packages().map_err(|error| error.to_string());
        assert_eq!(refused, Err("spin.toml: component.a.source: a.wasm is not in target/components".into()));
        Ok(())
    }
}
