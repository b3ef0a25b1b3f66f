//! Pages as files: what a static server needs to answer as the service would.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use edge::{assets, gallery::Sample};
use serde::Serialize;

use crate::{Room, fetched, rooms};

/// A page in the list that stands beside the files.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its file, relative to the list.
    pub file: String,
    /// The component.
    pub component: &'static str,
    /// The View.
    pub view: &'static str,
    /// The state.
    pub state: &'static str,
    /// The reply's status.
    pub status: u16,
    /// The reply's headers.
    pub headers: Vec<(&'static str, String)>,
}

/// Where the files are written: `target/gallery` of the repository.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/gallery")
}

/// Writes every page, the stylesheet, the icon and the passwords' script, what pages fetch besides, `pages.json` and `index.html`, in place of those that were there.
///
/// # Errors
/// When a page cannot be rendered or a file cannot be written.
pub fn write(directory: &Path) -> anyhow::Result<Vec<Listed>> {
    if directory.exists() {
        fs::remove_dir_all(directory).context("removing the previous gallery")?;
    }
    put(directory, assets::stylesheet_path().trim_start_matches('/'), assets::STYLESHEET)?;
    put(directory, "assets/icon.svg", assets::ICON)?;
    put(directory, assets::password_script_path().trim_start_matches('/'), assets::PASSWORD_SCRIPT)?;
    for (path, body) in fetched()? {
        put(directory, path.trim_start_matches('/'), &body)?;
    }
    let rooms = rooms()?;
    let mut listed = Vec::new();
    for room in &rooms {
        for sample in &room.samples {
            let page = list(room, sample);
            put(directory, &page.file, &sample.reply.body)?;
            listed.push(page);
        }
    }
    put(directory, "pages.json", &serde_json::to_vec_pretty(&listed)?)?;
    put(directory, "index.html", index(&listed).as_bytes())?;
    Ok(listed)
}

fn list(room: &Room, sample: &Sample) -> Listed {
    Listed {
        file: format!("{}/{}.{}.html", room.component, sample.view, sample.state),
        component: room.component,
        view: sample.view,
        state: sample.state,
        status: sample.reply.status.as_u16(),
        headers: sample.reply.headers.clone(),
    }
}

fn put(directory: &Path, file: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = directory.join(file);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, bytes).with_context(|| path.display().to_string())
}

/// A list to click through, in the same look. Names of components, Views and states need no escape.
fn index(listed: &[Listed]) -> String {
    let row = |page: &Listed| {
        let Listed { file, component, view, state, status, .. } = page;
        format!(
            "<tr><th scope=\"row\"><a href=\"/{file}\">{view}, {state}</a></th><td>{component}</td><td>{status}</td></tr>"
        )
    };
    let rows = listed.iter().map(row).collect::<Vec<_>>().join("\n");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Gallery</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"{}\"></head>\n<body><main class=\"page wide\"><h1>Gallery</h1>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Pages\"><table>\n\
         <thead><tr><th scope=\"col\">Page and state</th><th scope=\"col\">Component</th><th scope=\"col\">Status</th></tr></thead>\n\
         <tbody>\n{rows}\n</tbody>\n</table></div></main></body>\n</html>\n",
        assets::stylesheet_path()
    )
}
