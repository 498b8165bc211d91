//! Both ends of `WebSockets`, for the benchmark of the front: a server that sends back what it gets, and
//! clients that each send a message of 1 KiB, wait for it, and send the next.
//!
//! `websocket serve` prints its port. `websocket load PORT CONNECTIONS SECONDS` prints messages, messages a
//! second, and the time that 99 % of them took at most, in milliseconds.
//!
//! It must not know what stands between the two.

use std::error::Error;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, LocalSet};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A binary message of 1 KiB as a client sends it, masked with zeros (RFC 6455, 5.2).
const FRAME: usize = 8 + 1024;
const ASKED: &str = "GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// The key's answer as in RFC 6455, 1.3.
const ANSWERED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                        Upgrade: websocket\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        match words[..] {
            ["serve"] => serve().await,
            ["load", port, connections, seconds] => {
                let span = Duration::from_secs(seconds.parse()?);
                load(port.parse()?, connections.parse()?, span).await
            }
            _ => Err("serve, or: load PORT CONNECTIONS SECONDS".into()),
        }
    }))
}

async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    say(&listener.local_addr()?.port().to_string());
    loop {
        let (link, _) = listener.accept().await?;
        tokio::spawn(echo(link));
    }
}

async fn echo(mut link: TcpStream) -> Outcome<()> {
    link.set_nodelay(true)?;
    head(&mut link).await?;
    link.write_all(ANSWERED.as_bytes()).await?;
    let mut message = vec![0; 64 << 10];
    loop {
        match link.read(&mut message).await? {
            0 => return Ok(()),
            count => link.write_all(&message[..count]).await?,
        }
    }
}

async fn load(port: u16, connections: usize, span: Duration) -> Outcome<()> {
    let mut links = JoinSet::new();
    let end = Instant::now() + span;
    for _ in 0..connections {
        links.spawn_local(talk(port, end));
    }
    let mut took = vec![];
    while let Some(one) = links.join_next().await {
        took.append(&mut one??);
    }
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    let rate = took.len() as f64 / span.as_secs_f64();
    say(&format!("{} {rate:.0} {:.3}", took.len(), p99.as_secs_f64() * 1e3));
    Ok(())
}

/// Returns how long each message was on its way and back.
async fn talk(port: u16, end: Instant) -> Outcome<Vec<Duration>> {
    let mut link = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    link.set_nodelay(true)?;
    link.write_all(ASKED.as_bytes()).await?;
    let answer = head(&mut link).await?;
    if !answer.starts_with("HTTP/1.1 101") {
        return Err(answer.into());
    }
    let mut frame = vec![0; FRAME];
    frame[..4].copy_from_slice(&[0x82, 0xFE, 0x04, 0x00]);
    let mut took = vec![];
    loop {
        let begun = Instant::now();
        if begun >= end {
            return Ok(took);
        }
        link.write_all(&frame).await?;
        link.read_exact(&mut frame).await?;
        took.push(begun.elapsed());
    }
}

/// Reads up to the empty line.
async fn head(link: &mut TcpStream) -> Outcome<String> {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(link.read_u8().await?);
    }
    Ok(String::from_utf8(head)?)
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn say(text: &str) {
    println!("{text}");
}
