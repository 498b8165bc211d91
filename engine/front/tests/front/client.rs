//! Clients that say exactly what a test wants to be said.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// It came whole, as its own framing says.
    pub(crate) whole: bool,
}

impl Heard {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A connection that speaks HTTP/1.1 by hand.
pub(crate) struct Client(pub(crate) TcpStream);

const PATIENCE: Duration = Duration::from_secs(20);

impl Client {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self(stream)
    }

    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.0.write_all(text.as_ref()).await.is_ok()
    }

    /// Reads one answer; nothing if the connection ended before its head was whole.
    pub(crate) async fn hear(&mut self) -> Option<Heard> {
        timeout(PATIENCE, self.answer()).await.expect("an answer in time")
    }

    pub(crate) async fn ask(&mut self, text: impl AsRef<[u8]>) -> Option<Heard> {
        self.say(text).await;
        self.hear().await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Option<Heard> {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: web.test\r\n\r\n")).await
    }

    async fn answer(&mut self) -> Option<Heard> {
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).expect("a head");
        let status = head.get(9..12)?.parse().ok()?;
        let mut heard = Heard { status, head, ..Heard::default() };
        if status < 200 {
            heard.whole = true;
        } else if heard.header("transfer-encoding").is_some() {
            heard.whole = self.chunks(&mut heard.body).await.is_some();
        } else if let Some(length) = heard.header("content-length") {
            let length = length.parse().expect("a length");
            heard.whole = self.exactly(length, &mut heard.body).await.is_some();
        } else {
            heard.whole = self.0.read_to_end(&mut heard.body).await.is_ok();
        }
        Some(heard)
    }

    async fn exactly(&mut self, length: usize, body: &mut Vec<u8>) -> Option<()> {
        let from = body.len();
        while body.len() < from + length {
            let mut part = vec![0; (from + length - body.len()).min(64 << 10)];
            let count = self.0.read(&mut part).await.ok().filter(|count| *count > 0)?;
            body.extend_from_slice(&part[..count]);
        }
        Some(())
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let mut line = vec![];
            while !line.ends_with(b"\r\n") {
                line.push(self.0.read_u8().await.ok()?);
            }
            let text = String::from_utf8(line).ok()?;
            let length = usize::from_str_radix(text.trim(), 16).ok()?;
            self.exactly(length, body).await?;
            self.exactly(2, &mut vec![]).await?;
            if length == 0 {
                return Some(());
            }
        }
    }

    /// Returns whether the front closes the connection, and what came before that.
    pub(crate) async fn rest(&mut self) -> Option<Vec<u8>> {
        let mut rest = vec![];
        let ended = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        ended.is_ok().then_some(rest)
    }
}

/// Asks once on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<Heard> {
    Client::to(address).await.get(path).await
}
