//! The host's Redis backend on a real server: the commands of Spin's backend, and its traps.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context, ensure};
use journeys::stores::RedisServer;
use vestibule_host::{Redis, Store, Swapped};

/// What the server has counted: calls of a command, of which it refused some.
fn calls(server: &RedisServer, command: &str) -> anyhow::Result<(u64, u64)> {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("redis://"))?;
    stream.write_all(b"INFO commandstats\r\nQUIT\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let Some(line) = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:"))) else {
        return Ok((0, 0));
    };
    let number = |name: &str| {
        let value = line.split(',').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        value.context("a count")?.parse::<u64>().context("a number")
    };
    Ok((number("calls")?, number("rejected_calls")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_reported_as_failed_and_tells_nothing() -> anyhow::Result<()> {
    let server = RedisServer::start().await?;
    let store = Redis::connect(&server.url()).await?;
    let (mine, theirs) = (store.compare_and_swap("default", "k").await?, store.compare_and_swap("default", "k").await?);
    ensure!(mine.current().await?.is_none() && theirs.current().await?.is_none());
    ensure!(theirs.swap(b"theirs".to_vec()).await? == Swapped::Refused, "an applied swap is reported as failed");
    ensure!(store.get("default", "k").await? == Some(b"theirs".to_vec()), "it was applied all the same");
    ensure!(mine.swap(b"mine".to_vec()).await? == Swapped::Refused, "the one that lost is reported as failed too");
    ensure!(store.get("default", "k").await? == Some(b"theirs".to_vec()), "and nothing was written by it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_are_those_of_spin() -> anyhow::Result<()> {
    let server = RedisServer::start().await?;
    let store = Redis::connect(&server.url()).await?;
    let swap = store.compare_and_swap("default", "k").await?;
    swap.current().await?;
    ensure!(swap.swap(b"1".to_vec()).await? == Swapped::Refused);
    ensure!(store.increment("default", "n", 5).await? == 5 && store.increment("default", "n", -7).await? == -2);
    ensure!(store.increment("default", "k", 1).await? == 2, "on Redis a number in text is a counter");
    ensure!(store.exists("other", "n").await?, "labels share one key space");
    store.set("default", "text", b"seven".to_vec()).await?;
    ensure!(store.increment("default", "text", 1).await.is_err());
    let mut keys = store.keys("default").await?;
    keys.sort_unstable();
    ensure!(keys == ["k", "n", "text"], "{keys:?}");
    store.delete("default", "k").await?;
    ensure!(store.get("default", "k").await?.is_none());
    for (command, expected) in [
        ("watch", 1),
        ("get", 2),
        ("multi", 1),
        ("exec", 1),
        ("set", 2),
        ("incrby", 4),
        ("exists", 1),
        ("keys", 1),
        ("del", 1),
    ] {
        let (called, refused) = calls(&server, command)?;
        ensure!(called == expected && refused == 0, "{command} was called {called} times, {refused} refused");
    }
    ensure!(calls(&server, "unwatch")? == (0, 1), "UNWATCH is sent with an argument, which Redis refuses");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named_without_its_password() -> anyhow::Result<()> {
    let server = RedisServer::start().await?;
    let url = server.url().replace("redis://", "redis://:s3cret@");
    drop(server);
    let error = Redis::connect(&url).await.err().context("nobody is there")?;
    let error = format!("{error:#}");
    ensure!(error.contains("is not there") && !error.contains("s3cret"), "{error}");
    Ok(())
}
