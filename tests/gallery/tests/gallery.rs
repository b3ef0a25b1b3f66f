//! Every page in every state: it is there, it keeps the house's rules, and a browser and axe find nothing wrong with it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use shared::config::CaptchaService;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Component and View of every struct that has a page's template: one that fills in a frame. Others are parts of pages.
fn views_in_the_sources() -> anyhow::Result<BTreeSet<(String, String)>> {
    let mut views = BTreeSet::new();
    for component in fs::read_dir(here().join("../../functions"))? {
        let component = component?;
        let mut files = Vec::new();
        files_below(&component.path(), &mut files)?;
        for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
            let text = fs::read_to_string(path)?;
            for (_, after) in text.match_indices("#[template(path").map(|(at, found)| text.split_at(at + found.len())) {
                let template = after.split('"').nth(1).context("a template has a path")?;
                let template = component.path().join("templates").join(template);
                if !fs::read_to_string(&template)
                    .with_context(|| template.display().to_string())?
                    .contains("{% extends")
                {
                    continue;
                }
                let declared = after.split_once("struct ").context("a template belongs to a struct")?.1;
                let name = declared.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                views.insert((component.file_name().to_string_lossy().into_owned(), name.to_owned()));
            }
        }
    }
    Ok(views)
}

#[test]
fn every_view_has_samples() -> anyhow::Result<()> {
    let rooms = gallery::rooms()?;
    let shown: BTreeSet<(String, String)> = rooms
        .iter()
        .flat_map(|room| room.samples.iter().map(|sample| (room.component.to_owned(), sample.view.to_owned())))
        .collect();
    let views = views_in_the_sources()?;
    let missing: Vec<_> = views.difference(&shown).collect();
    ensure!(views.len() > 25 && missing.is_empty(), "no samples of {missing:?}");
    Ok(())
}

#[test]
fn samples_have_names_of_their_own() -> anyhow::Result<()> {
    let rooms = gallery::rooms()?;
    for room in &rooms {
        let mut names = BTreeSet::new();
        for sample in &room.samples {
            ensure!(names.insert((sample.view, sample.state)), "{}: {} {}", room.component, sample.view, sample.state);
        }
    }
    Ok(())
}

// REG-7: one page runs scripts, by address and of its own policy; every other page runs none, and no page has inline code.
#[test]
fn no_page_has_inline_code() -> anyhow::Result<()> {
    for room in gallery::rooms()? {
        for sample in &room.samples {
            let name = format!("{} {} {}", room.component, sample.view, sample.state);
            let policy = sample.reply.headers.iter().find(|(name, _)| *name == "content-security-policy");
            let policy = policy.map(|(_, value)| value.as_str()).unwrap_or_default();
            ensure!(policy.starts_with("default-src 'none'; style-src 'self';"), "{name}: {policy}");
            let allowed = scripts_of(room.component, sample.view, sample.state);
            let stated = policy.split("; ").find_map(|directive| directive.strip_prefix("script-src"));
            ensure!(stated.map(str::trim) == allowed && !policy.contains("unsafe"), "{name}: {policy}");
            let page = String::from_utf8(sample.reply.body.clone())?;
            for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
                ensure!(!page.contains(inline), "{name} has {inline}");
            }
            let scripts: Vec<&str> = page.split("<script").skip(1).collect();
            let by_address = scripts.iter().all(|script| {
                let tag = script.split_once("</script>").map(|(tag, _)| tag).unwrap_or_default();
                tag.starts_with(" src=\"") && tag.ends_with(" defer>")
            });
            ensure!(by_address && scripts.len() == usize::from(allowed.is_some()), "{name}: {scripts:?}");
        }
    }
    Ok(())
}

/// The scripts of the pages that have any: our own, or on the captcha's page those of the provider in the samples of each.
fn scripts_of(component: &str, view: &str, state: &str) -> Option<&'static str> {
    match (component, view, state.trim_end_matches("-faults")) {
        ("register", "StartPage", "proof-of-work")
        | ("activate", "ActivatePage", _)
        | ("sign-in", "ChoosePage" | "AccountPage", _) => Some("'self'"),
        ("register", "StartPage", "turnstile") => Some(CaptchaService::Turnstile.sources()),
        ("register", "StartPage", "hcaptcha") => Some(CaptchaService::HCaptcha.sources()),
        ("register", "StartPage", "recaptcha") => Some(CaptchaService::ReCaptcha.sources()),
        _ => None,
    }
}

/// Needs `node`, `npm` and `chromium`: README, "Run it".
#[test]
fn a_browser_finds_nothing_wrong() -> anyhow::Result<()> {
    gallery::write(&gallery::directory())?;
    run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"])?;
    run("node", &["browser/check.js"])
}

fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(here())
        .output()
        .with_context(|| format!("{program} (Debian: apt-get install nodejs npm chromium)"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{program}: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    Ok(())
}
