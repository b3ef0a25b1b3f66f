//! The files a component may read: copied to a directory of its own when the host starts, as Spin does, so that
//! a component sees one state of them and nothing beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component as Part, Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::manifest::Component;

/// Files of one component.
const MAX_FILES: usize = 10_000;
/// Directories inside each other.
const MAX_DEPTH: usize = 32;

/// Copies the files of the component into `target`. `overrides` replaces sources, by destination.
///
/// # Errors
/// If a source does not exist or cannot be copied, or a destination leads outside.
pub(crate) fn copy(
    component: &Component,
    root: &Path,
    overrides: &BTreeMap<String, PathBuf>,
    target: &Path,
) -> anyhow::Result<()> {
    let excluded =
        component.exclude_files.iter().map(|path| exclusion(root, path)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut copying = Copying { excluded, copied: 0 };
    for mount in &component.files {
        let destination = &mount.destination;
        let inside = Path::new(destination)
            .strip_prefix("/")
            .with_context(|| format!("files: destination {destination:?} is not an absolute path"))?;
        ensure!(
            inside.components().all(|part| matches!(part, Part::Normal(_) | Part::CurDir)),
            "files: destination {destination:?} leads outside"
        );
        let source = overrides.get(destination).cloned().unwrap_or_else(|| root.join(&mount.source));
        copying
            .copy(&source, &target.join(inside), 0)
            .with_context(|| format!("files: {} cannot be copied to {destination}", source.display()))?;
    }
    Ok(())
}

fn exclusion(root: &Path, path: &str) -> anyhow::Result<PathBuf> {
    ensure!(!path.contains(['*', '?', '[']), "exclude_files: {path:?}: patterns are not supported by this host");
    Ok(root.join(path))
}

struct Copying {
    excluded: Vec<PathBuf>,
    copied: usize,
}

impl Copying {
    fn copy(&mut self, source: &Path, target: &Path, depth: usize) -> anyhow::Result<()> {
        if self.excluded.iter().any(|excluded| excluded == source) {
            return Ok(());
        }
        if !fs::metadata(source)?.is_dir() {
            self.copied += 1;
            ensure!(self.copied <= MAX_FILES, "more than {MAX_FILES} files");
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::copy(source, target)?;
            return Ok(());
        }
        if depth == MAX_DEPTH {
            bail!("more than {MAX_DEPTH} directories inside each other");
        }
        fs::create_dir_all(target)?;
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            self.copy(&entry.path(), &target.join(entry.file_name()), depth + 1)?;
        }
        Ok(())
    }
}
