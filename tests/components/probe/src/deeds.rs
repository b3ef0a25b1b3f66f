//! The deeds.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use spin_sdk::experimental::wasi::keyvalue::atomics::{self, Cas, CasError};
use spin_sdk::experimental::wasi::keyvalue::store as wasi;
use spin_sdk::key_value::Store;

/// What to do.
pub struct Deed<'a> {
    pub name: &'a str,
    pub argument: &'a str,
    pub body: Bytes,
    pub head: &'a Parts,
}

pub async fn perform(deed: Deed<'_>) -> Result<String, String> {
    let Deed { name, argument, body, head } = deed;
    match name {
        "get" => Ok(text(store("default").await?.get(argument).await.map_err(shown)?)),
        "set" => done(store("default").await?.set(argument, &body).await),
        "delete" => done(store("default").await?.delete(argument).await),
        "exists" => Ok(store("default").await?.exists(argument).await.map_err(shown)?.to_string()),
        "keys" => keys().await,
        "open" => done(store(argument).await.map(drop)),
        "wasi-open" => done(wasi::open(argument).map(drop)),
        "increment" => increment(argument, &body),
        "replace" => replace(argument, &body),
        "stale-swap" => stale_swap(argument),
        "create-twice" => create_twice(argument),
        "blind-swap" => done(atomics::swap(cas(argument)?, &body)),
        "rounds" => rounds().await,
        "variable" => spin_sdk::variables::get(argument).await.map_err(shown),
        "call" => call(&body).await,
        "read" => std::fs::read_to_string(format!("/{argument}")).map_err(shown),
        "write" => done(std::fs::write(format!("/{argument}"), &body)),
        "environment" => std::env::var(argument).map_err(shown),
        "loop" => endless(),
        "sleep" => sleep(argument).await,
        "allocate" => allocate(argument),
        "trap" => panic!("asked to"),
        "print" => print(&body),
        "head" => Ok(echo_head(head)),
        "echo" => String::from_utf8(body.to_vec()).map_err(shown),
        "now" => SystemTime::now().duration_since(UNIX_EPOCH).map(|t| t.as_secs().to_string()).map_err(shown),
        "shuffle" => Ok(shuffle()),
        _ => Err(format!("{name} is no deed")),
    }
}

async fn store(label: &str) -> Result<Store, String> {
    Store::open(label).await.map_err(shown)
}

fn bucket() -> Result<wasi::Bucket, String> {
    wasi::open("default").map_err(shown)
}

fn cas(key: &str) -> Result<Cas, String> {
    Cas::new(&bucket()?, key).map_err(shown)
}

async fn keys() -> Result<String, String> {
    let mut keys = store("default").await?.get_keys().await.collect().await.map_err(shown)?;
    keys.sort();
    let mut listed = bucket()?.list_keys(None).map_err(shown)?.keys;
    listed.sort();
    if keys == listed { Ok(keys.join(" ")) } else { Err("the two interfaces list different keys".to_owned()) }
}

fn increment(key: &str, delta: &[u8]) -> Result<String, String> {
    let delta = std::str::from_utf8(delta).map_err(shown)?.parse().map_err(shown)?;
    atomics::increment(&bucket()?, key, delta).map(|n| n.to_string()).map_err(shown)
}

fn replace(key: &str, value: &[u8]) -> Result<String, String> {
    let cas = cas(key)?;
    let seen = cas.current().map_err(shown)?;
    atomics::swap(cas, value).map_err(shown)?;
    Ok(text(seen))
}

/// A swap that somebody else was faster than; the answer is what the renewed handle lets one write.
fn stale_swap(key: &str) -> Result<String, String> {
    let cas = cas(key)?;
    cas.current().map_err(shown)?;
    bucket()?.set(key, b"theirs").map_err(shown)?;
    match atomics::swap(cas, b"mine") {
        Ok(()) => Err("a stale swap succeeded".to_owned()),
        Err(CasError::StoreError(error)) => Err(shown(error)),
        Err(CasError::CasFailed(renewed)) => {
            atomics::swap(renewed, b"mine at last").map_err(shown)?;
            Ok("refused, then applied".to_owned())
        }
    }
}

fn create_twice(key: &str) -> Result<String, String> {
    let (first, second) = (cas(key)?, cas(key)?);
    let seen = (first.current().map_err(shown)?, second.current().map_err(shown)?);
    if seen != (None, None) {
        return Err("the key exists".to_owned());
    }
    let swapped = (atomics::swap(first, b"first").is_ok(), atomics::swap(second, b"second").is_ok());
    Ok(format!("{swapped:?}"))
}

/// Two reads at once, a write, two writes at once: three rounds, two reads and three writes.
async fn rounds() -> Result<String, String> {
    let store = store("default").await?;
    let (a, b) = futures::join!(store.get("a"), store.exists("b"));
    a.map_err(shown)?;
    b.map_err(shown)?;
    store.set("c", "1").await.map_err(shown)?;
    let (d, e) = futures::join!(store.set("d", "1"), store.delete("e"));
    done(d.and(e))
}

async fn call(url: &[u8]) -> Result<String, String> {
    let url = std::str::from_utf8(url).map_err(shown)?;
    spin_sdk::http::get(url).await.map(|response| response.status().as_u16().to_string()).map_err(shown)
}

fn endless() -> ! {
    loop {
        std::hint::black_box(());
    }
}

async fn sleep(millis: &str) -> Result<String, String> {
    let millis = millis.parse().map_err(shown)?;
    spin_sdk::time::sleep(Duration::from_millis(millis)).await;
    Ok("slept".to_owned())
}

fn allocate(bytes: &str) -> Result<String, String> {
    let memory = vec![1_u8; bytes.parse().map_err(shown)?];
    Ok(std::hint::black_box(memory).len().to_string())
}

fn print(lines: &[u8]) -> Result<String, String> {
    println!("{}", String::from_utf8_lossy(lines));
    eprintln!("to stderr");
    Ok("printed".to_owned())
}

fn echo_head(head: &Parts) -> String {
    let headers =
        head.headers.iter().map(|(name, value)| format!("\n{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    format!("{} {}", head.method, head.uri) + &headers.collect::<String>()
}

/// Depends on the seed of the standard library's hash maps.
fn shuffle() -> String {
    let numbers: HashMap<u32, ()> = (0..100).map(|n| (n, ())).collect();
    numbers.keys().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn text(value: Option<Vec<u8>>) -> String {
    value.map_or_else(|| "(none)".to_owned(), |value| String::from_utf8_lossy(&value).into_owned())
}

fn done<E: Debug>(outcome: Result<(), E>) -> Result<String, String> {
    outcome.map(|()| "done".to_owned()).map_err(shown)
}

fn shown(error: impl Debug) -> String {
    format!("{error:?}")
}
