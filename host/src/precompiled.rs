//! Components as machine code, cached on disk.
//!
//! Compiling takes seconds, loading milliseconds. A cached file is named by a digest over the component's
//! bytes and the engine's version and settings, so it is never stale and never needs to be removed.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::flat;

/// Loads the component in the file `source`, compiling it unless `cache` holds it. `compiling` is called
/// before work that takes long.
///
/// # Errors
/// If the file cannot be read, is not a component, or the cache cannot be written.
pub(crate) fn load(
    engine: &Engine,
    source: &Path,
    cache: &Path,
    compiling: impl FnOnce(),
) -> anyhow::Result<Component> {
    let shown = source.display();
    let wasm = std::fs::read(source).with_context(|| format!("{shown}: cannot be read; are the components built?"))?;
    let cached = cache.join(file_name(engine, &wasm));
    if cached.exists() {
        match trusted::load(engine, &cached) {
            Ok(component) => return Ok(component),
            // A damaged file is replaced below.
            Err(error) => tracing::warn!(file = %cached.display(), %error, "cached component cannot be used"),
        }
    }
    compiling();
    let code = engine
        .precompile_component(&wasm)
        .map_err(flat)
        .with_context(|| format!("{shown}: is not a component that can be compiled"))?;
    store(&cached, &code).with_context(|| format!("{}: cannot be written", cached.display()))?;
    trusted::load(engine, &cached).map_err(flat)
}

/// The file appears complete or not at all, also when two hosts compile at once.
fn store(cached: &Path, code: &[u8]) -> anyhow::Result<()> {
    let directory = cached.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    std::io::Write::write_all(&mut file, code)?;
    file.persist(cached)?;
    Ok(())
}

fn file_name(engine: &Engine, wasm: &[u8]) -> PathBuf {
    // Wasmtime's version and every setting that changes the code are in this hash.
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut digest = Sha256::new();
    digest.update(settings.finish().to_le_bytes());
    digest.update(wasm);
    let mut name = String::new();
    for byte in digest.finalize() {
        // Writing to a string cannot fail.
        write!(name, "{byte:02x}").ok();
    }
    name.push_str(".cwasm");
    name.into()
}

/// The only place where the host trusts bytes without checking them.
mod trusted {
    use std::path::Path;

    use wasmtime::Engine;
    use wasmtime::component::Component;

    #[expect(unsafe_code, reason = "machine code cannot be checked, only trusted")]
    pub(super) fn load(engine: &Engine, file: &Path) -> wasmtime::Result<Component> {
        // SAFETY: the file was written by `precompiled::store` from the output of the same engine's compiler,
        // atomically, under a name derived from its input and the engine's settings, in a directory that
        // belongs to whoever runs the host: who can change it could change the host's binary as well.
        unsafe { Component::deserialize_file(engine, file) }
    }
}
