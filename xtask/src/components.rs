//! The components: compiled by cargo, made smaller by Binaryen, and put where `spin.toml` looks for them, beside the
//! compiled configuration.

use std::{fs, io::ErrorKind, path::PathBuf};

use anyhow::Context as _;
use shared::secret::digest256_hex;
use wasm_encoder::{Component, RawSection};
use wasmparser::{Parser, Payload};

use crate::{
    binaryen, gateway,
    workspace::{GUEST_TARGET, cargo, output, root, run as run_command, target},
};

/// How large the components may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// As cargo compiles them: for a quick start on this machine.
    AsCompiled,
    /// About a fifth smaller: what is tested and deployed.
    Optimised,
}

/// What the optimiser is told.
const OPTIONS: [&str; 3] = ["-Oz", "--all-features", "--strip-producers"];

/// Where the manifest looks for components and configuration.
pub(crate) fn directory() -> PathBuf {
    target().join("components")
}

/// The compiled configuration as the manifest names it.
pub(crate) fn configuration() -> String {
    format!("target/components/{}", gateway::COMPILED)
}

/// Compiles these packages for the guest target.
///
/// # Errors
/// Cargo's.
pub(crate) fn compile<'a>(packages: impl IntoIterator<Item = &'a String>) -> anyhow::Result<()> {
    let mut build = cargo(&["build", "--release", "--target", GUEST_TARGET, "--config", &nameless_paths()?]);
    for package in packages {
        build.args(["--package", package]);
    }
    run_command(&mut build)
}

/// The same bytes whoever builds them: the places of panics name the sources of dependencies, and these must not say in
/// whose home directory they were.
fn nameless_paths() -> anyhow::Result<String> {
    let home = || std::env::home_dir().map(|home| home.join(".cargo"));
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home);
    let sources = cargo_home.context("neither CARGO_HOME nor a home directory is known")?.join("registry").join("src");
    let flags = [format!("--remap-path-prefix={}=", sources.display())];
    Ok(format!("target.{GUEST_TARGET}.rustflags = {flags:?}"))
}

/// Puts the compiled configuration where the manifest looks for it.
///
/// # Errors
/// The first fault in `gateway.toml`, with its key and the reason.
pub(crate) fn place_configuration() -> anyhow::Result<()> {
    let compiled = gateway::parse(&gateway::text()?)?.compile()?;
    fs::create_dir_all(directory())?;
    write(&root().join(configuration()), &compiled)
}

/// Puts a compiled package where the manifest looks for it. What was made from the same bytes in the same way stays.
///
/// # Errors
/// When Binaryen fails, or a file cannot be read or written.
pub(crate) fn place(package: &str, size: Size) -> anyhow::Result<()> {
    let source = target().join(GUEST_TARGET).join("release").join(format!("{}.wasm", package.replace('-', "_")));
    let compiled = fs::read(&source).with_context(|| format!("{} cannot be read", source.display()))?;
    let placed = directory().join(format!("{package}.wasm"));
    let origin = directory().join(format!("{package}.origin"));
    let made_from = match size {
        Size::AsCompiled => format!("{} as compiled\n", digest256_hex(&compiled)),
        Size::Optimised => format!("{} {} {}\n", digest256_hex(&compiled), binaryen::PACKAGE, OPTIONS.join(" ")),
    };
    if placed.is_file() && fs::read_to_string(&origin).is_ok_and(|known| known == made_from) {
        return Ok(());
    }
    fs::create_dir_all(directory())?;
    let component = match size {
        Size::AsCompiled => compiled,
        Size::Optimised => optimised(package, &compiled)?,
    };
    // Whoever is stopped between the two writes leaves a component without origin, which is made anew.
    fs::remove_file(&origin).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    write(&placed, &component)?;
    write(&origin, made_from.as_bytes())
}

/// The component with its largest core module, which is the program, made smaller, and without the names of its parts (10 kB).
fn optimised(package: &str, component: &[u8]) -> anyhow::Result<Vec<u8>> {
    let modules = sections(component)?;
    let program = modules.iter().filter(|section| section.id == MODULE).max_by_key(|section| section.data.len());
    let program = program.context("the component has no core module")?.data;
    let [before, after] = ["core", "smaller"].map(|name| directory().join(format!("{package}.{name}")));
    write(&before, program)?;
    let mut wasm_opt = binaryen::wasm_opt()?;
    wasm_opt.args(OPTIONS).arg(&before).arg("-o").arg(&after);
    output(&mut wasm_opt)?;
    let smaller = fs::read(&after).with_context(|| format!("{} cannot be read", after.display()))?;
    for path in [before, after] {
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    let mut result = Component::new();
    for section in modules.iter().filter(|section| section.id != CUSTOM) {
        let is_program = section.id == MODULE && std::ptr::eq(section.data, program);
        result.section(&RawSection { id: section.id, data: if is_program { &smaller } else { section.data } });
    }
    Ok(result.finish())
}

/// The ids of sections in a component: what no program reads, and a core module.
const CUSTOM: u8 = 0;
const MODULE: u8 = 1;

/// A component's outermost sections.
fn sections(component: &[u8]) -> anyhow::Result<Vec<RawSection<'_>>> {
    let mut sections = Vec::new();
    let mut end = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let Payload::Version { .. } = payload {
            continue;
        }
        let Some((id, range)) = payload.as_section() else { continue };
        // What stands inside a module or a nested component was taken with it.
        if range.start >= end {
            let data = component.get(range.clone()).context("a section ends after the component")?;
            end = range.end;
            sections.push(RawSection { id, data });
        }
    }
    Ok(sections)
}

/// Writes a file.
///
/// # Errors
/// When it cannot be written, with its name.
pub(crate) fn write(path: &std::path::Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{ComponentBuilder, CustomSection, Module, ModuleSection, TypeSection};

    use super::*;

    #[test]
    fn a_component_taken_apart_and_put_together_is_the_same() -> anyhow::Result<()> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut program = Module::new();
        program.section(&types).section(&CustomSection { name: "name".into(), data: b"x".as_slice().into() });
        let mut nested = ComponentBuilder::default();
        nested.core_module(None, &Module::new());
        let nested = nested.finish();
        let mut whole = Component::new();
        whole.section(&ModuleSection(&program)).section(&RawSection { id: 4, data: &nested });
        whole.section(&CustomSection { name: "end".into(), data: b"y".as_slice().into() });
        let whole = whole.finish();

        let parts = sections(&whole)?;
        assert_eq!(parts.iter().map(|part| part.id).collect::<Vec<_>>(), [MODULE, 4, 0]);
        let mut again = Component::new();
        for part in &parts {
            again.section(part);
        }
        assert_eq!(again.finish(), whole);
        Ok(())
    }
}
