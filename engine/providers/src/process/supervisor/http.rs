//! One HTTP/1.1 GET, of which only the status is of interest: RFC 9112.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// A status line ends before this.
const LINE: usize = 4096;
/// How much of the rest is read, so that the service does not see its answer refused.
const REST: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_millis(200);

/// Asks and returns the status of the answer.
pub(super) async fn get<S>(mut stream: S, host: &str, path: &str) -> io::Result<u16>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: windlass\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut line = Vec::new();
    while !line.contains(&b'\n') && line.len() < LINE {
        if stream.read_buf(&mut line).await? == 0 {
            break;
        }
    }
    let mut rest = stream.take(REST);
    _ = timeout(PATIENCE, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    status(&line).ok_or_else(|| io::Error::other("the answer is not HTTP/1.1"))
}

fn status(line: &[u8]) -> Option<u16> {
    let line = line.split(|byte| *byte == b'\n').next()?;
    let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let version = words.next()?;
    let code = words.next().filter(|code| code.len() == 3)?;
    version.starts_with("HTTP/1.").then(|| code.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(text: &str) -> io::Result<u16> {
        let (near, mut far) = tokio::io::duplex(1024);
        let text = text.to_owned();
        let server = async move {
            let mut request = vec![0; 1024];
            let length = far.read(&mut request).await?;
            assert!(request[..length].starts_with(b"GET /health?x=1 HTTP/1.1\r\nHost: a:1\r\n"));
            for part in text.as_bytes().chunks(3) {
                far.write_all(part).await?;
            }
            Ok::<_, io::Error>(())
        };
        let (served, asked) = tokio::join!(server, get(near, "a:1", "/health?x=1"));
        served.expect("an answer");
        asked
    }

    #[tokio::test]
    async fn the_status_is_read_from_an_answer_in_pieces() {
        let ok = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(ok.expect("a status"), 200);
        assert_eq!(answer("HTTP/1.0 503\r\n\r\n").await.expect("a status"), 503);
    }

    #[tokio::test]
    async fn what_is_not_http_is_said_to_be_so() {
        for wrong in ["SSH-2.0-OpenSSH\r\n", "", "HTTP/1.1 2 OK\r\n", "HTTP/2 200\r\n"] {
            let error = answer(wrong).await.expect_err("refused");
            assert_eq!(error.to_string(), "the answer is not HTTP/1.1", "{wrong:?}");
        }
    }
}
