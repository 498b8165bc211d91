//! Requests to a server of a test: one connection each, with an end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    body: Body,
}

struct Body {
    reader: BufReader<TcpStream>,
    chunked: bool,
    left: usize,
}

/// Asks, and reads the head of the answer.
pub(crate) fn ask(address: &str, method: &str, path: &str, more: &[&str], body: &str) -> Reply {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let more: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    let named =
        if more.to_ascii_lowercase().contains("host:") { "" } else { "Host: 127.0.0.1\r\n" };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\n{named}{more}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "no whole head: {head}");
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let low = head.to_ascii_lowercase();
    let chunked = low.contains("transfer-encoding: chunked");
    let left = match low.split_once("content-length: ") {
        Some((_, rest)) => rest.split("\r\n").next().unwrap().parse().unwrap(),
        None => usize::MAX,
    };
    Reply { status, head, body: Body { reader, chunked, left: if chunked { 0 } else { left } } }
}

/// Asks for JSON.
pub(crate) fn get(address: &str, path: &str) -> Value {
    let reply = ask(address, "GET", path, &[], "");
    let text = reply.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

/// Sends JSON.
pub(crate) fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    let reply = ask(address, "POST", path, &[], &body.to_string());
    let status = reply.status;
    (status, serde_json::from_str(&reply.text()).unwrap())
}

impl Reply {
    /// All of the body.
    pub(crate) fn text(mut self) -> String {
        let mut bytes = Vec::new();
        // A server that is killed in the middle has no end.
        _ = self.body.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The body line by line, as it comes.
    pub(crate) fn lines(self) -> impl Iterator<Item = String> {
        BufReader::new(self.body).lines().map_while(Result::ok)
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && self.chunked {
            let mut line = String::new();
            while line.trim().is_empty() {
                line.clear();
                if self.reader.read_line(&mut line)? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
            self.left = usize::from_str_radix(line.trim(), 16).unwrap();
            if self.left == 0 {
                self.chunked = false;
            }
        }
        if self.left == 0 {
            return Ok(0);
        }
        let most = buffer.len().min(self.left);
        let count = self.reader.read(&mut buffer[..most])?;
        self.left -= count;
        Ok(count)
    }
}
