//! `cargo run -p gallery`: writes every page in every state to `target/gallery`.

fn main() -> anyhow::Result<()> {
    let directory = gallery::directory();
    let pages = gallery::write(&directory)?;
    println!("{} pages in {}; `npm run serve` in tests/gallery shows them", pages.len(), directory.display());
    Ok(())
}
