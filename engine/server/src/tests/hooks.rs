//! Webhooks over real connections: what is true leads to one look, and nothing else to any.

use std::time::Duration;

use ring::hmac;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::remote::Remote;
use super::{Bench, Fine as _};
use crate::outside;

/// A repository that is followed at GitHub, and polled so rarely that nothing is found by chance.
async fn hooked(remote: &Remote) -> Bench {
    let bench = Bench::of(&format!(
        "repositories:\n  shop:\n    follow: {{ url: {}, poll: 1d, provider: github, \
         secret: \"${{secret.hook}}\" }}\n  quiet: {{}}\n",
        remote.url()
    ))
    .await;
    outside::begin(&bench.house).fine();
    bench.until("the first look", async |bench| looks(bench) == 1).await;
    bench
}

fn looks(bench: &Bench) -> u64 {
    bench.house.follows.of("shop").standing().looks
}

/// The secret is `hook`, turned round.
fn signature(body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"kooh"), body);
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn push(branch: &str, before: &str, after: &str) -> String {
    let reference = format!("refs/heads/{branch}");
    serde_json::json!({ "ref": reference, "before": before, "after": after }).to_string()
}

/// A request as it goes over the wire.
struct Delivery {
    method: &'static str,
    path: &'static str,
    kind: &'static str,
    event: &'static str,
    id: String,
    signature: String,
    /// What it says of its length.
    length: usize,
    body: Vec<u8>,
}

impl Delivery {
    fn of(id: &str, body: &str) -> Self {
        Self {
            method: "POST",
            path: "/hooks/shop",
            kind: "application/json",
            event: "push",
            id: id.to_owned(),
            signature: format!("sha256={}", signature(body.as_bytes())),
            length: body.len(),
            body: body.as_bytes().to_vec(),
        }
    }

    /// Sends it and returns the status and the body of the answer.
    async fn send(&self, bench: &Bench) -> (u16, String) {
        let address = bench.house.own_address().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let Self { method, path, kind, event, id, signature, length, .. } = self;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: hooks.shop.test\r\ncontent-type: {kind}\r\n\
             x-github-event: {event}\r\nx-github-delivery: {id}\r\n\
             x-hub-signature-256: {signature}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Who is refused early does not hear the rest.
        _ = stream.write_all(&self.body).await;
        if self.body.len() < self.length {
            _ = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        _ = timeout(Duration::from_secs(30), read).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        (status.unwrap_or(0), body.to_owned())
    }
}

#[tokio::test]
async fn a_hundred_replays_make_one_run() {
    let remote = Remote::new();
    let bench = hooked(&remote).await;
    let before = remote.git(&["rev-parse", "HEAD"]);
    let after = remote.commit("second", "app.txt", "2");
    let body = push("main", &before, &after);
    let mut told = std::collections::BTreeMap::<u16, usize>::new();
    for at in 0..100 {
        // Half of them under another id: it is not signed.
        let id = if at % 2 == 0 { "72d3162e".to_owned() } else { format!("72d3162e-{at}") };
        let (status, _) = Delivery::of(&id, &body).send(&bench).await;
        *told.entry(status).or_default() += 1;
    }
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [(202, 100)]);
    bench.until("a look", async |bench| looks(bench) == 2).await;
    let runs = bench.runs().await;
    assert_eq!(runs.len(), 2);
    assert_eq!((&*runs[1].cause.by, &runs[1].cause.commit), ("webhook", &after));
    assert_eq!(looks(&bench), 2, "one look for all of them");
    let bench = bench.die_and_come().await;
    outside::begin(&bench.house).fine();
    bench.until("a look", async |bench| looks(bench) == 1).await;
    let (_, said) = Delivery::of("72d3162e", &body).send(&bench).await;
    assert!(said.contains("was here before"), "also after a death: {said}");
    assert_eq!(bench.runs().await.len(), 2);
}

/// Old news, signed and never seen, finds nothing: the repository itself decides.
#[tokio::test]
async fn a_delivery_that_tells_of_what_was_makes_no_run() {
    let remote = Remote::new();
    let first = remote.git(&["rev-parse", "HEAD"]);
    let bench = hooked(&remote).await;
    let second = remote.commit("second", "app.txt", "2");
    Delivery::of("b", &push("main", &first, &second)).send(&bench).await;
    bench.until("its run", async |bench| looks(bench) == 2).await;
    let lie = "1234567890123456789012345678901234567890";
    for (id, commit) in [("a", &*first), ("lie", lie)] {
        let (status, _) = Delivery::of(id, &push("main", &second, commit)).send(&bench).await;
        assert_eq!(status, 202);
    }
    bench.until("a look", async |bench| looks(bench) >= 3).await;
    assert_eq!(bench.runs().await.len(), 2);
}

/// Two pushes in a row: each has its run, though the first is found with the second.
#[tokio::test]
async fn each_push_that_is_told_of_has_its_run() {
    let remote = Remote::new();
    let first = remote.git(&["rev-parse", "HEAD"]);
    let bench = hooked(&remote).await;
    let second = remote.commit("second", "app.txt", "2");
    let third = remote.commit("third", "app.txt", "3");
    Delivery::of("2", &push("main", &first, &second)).send(&bench).await;
    bench.until("both", async |bench| bench.runs().await.len() == 3).await;
    let commits: Vec<_> = bench.runs().await.into_iter().map(|run| run.cause.commit).collect();
    assert_eq!(commits, [first, second, third]);
}

#[tokio::test]
async fn what_is_not_true_is_refused_and_leads_nowhere() {
    let remote = Remote::new();
    let bench = hooked(&remote).await;
    let after = remote.commit("second", "app.txt", "2");
    let body = push("main", &after, &after);
    let right = || Delivery::of("x", &body);
    let forged = Delivery { signature: format!("sha256={}", "0".repeat(64)), ..right() };
    let unsigned = Delivery { signature: String::new(), ..right() };
    let cut = Delivery { length: body.len() + 10, ..right() };
    let lies = Delivery { length: body.len() - 1, ..right() };
    let form = Delivery { kind: "application/x-www-form-urlencoded", ..right() };
    let unknown = Delivery { path: "/hooks/nobody", ..right() };
    let quiet = Delivery { path: "/hooks/quiet", ..right() };
    let got = Delivery { method: "GET", ..right() };
    let flood = Delivery { length: 25 * 1024 * 1024 + 1, ..right() };
    let strange = Delivery::of("x", "{\"ref\": 7}");
    let refused = [
        (forged, 401),
        (unsigned, 401),
        (cut, 400),
        (lies, 401),
        (form, 415),
        (unknown, 404),
        (quiet, 404),
        (got, 405),
        (flood, 413),
        (strange, 400),
    ];
    for (at, (delivery, status)) in refused.into_iter().enumerate() {
        let (answered, said) = delivery.send(&bench).await;
        // A body that breaks off may leave nobody to answer to.
        assert!(answered == status || (status == 400 && answered == 0), "{at}: {answered} {said}");
        assert!(!said.contains("kooh") && !said.contains(&signature(body.as_bytes())), "{said}");
    }
    assert_eq!(looks(&bench), 1);
    assert_eq!(bench.runs().await.len(), 1);
}

/// One that says nothing of its length is read up to the limit and no further.
#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let remote = Remote::new();
    let bench = hooked(&remote).await;
    let address = bench.house.own_address().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /hooks/shop HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         x-github-event: push\r\nx-hub-signature-256: sha256={}\r\n\
         transfer-encoding: chunked\r\n\r\n",
        "0".repeat(64)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = [b"100000\r\n".to_vec(), vec![b'x'; 0x10_0000], b"\r\n".to_vec()].concat();
    let (mut reading, mut writing) = stream.into_split();
    let flood = async {
        for _ in 0..64 {
            if writing.write_all(&piece).await.is_err() {
                return;
            }
        }
        panic!("64 MiB were taken");
    };
    let answer = async {
        let mut answer = vec![0; 1024];
        let length = reading.read(&mut answer).await.unwrap_or(0);
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let answer = timeout(Duration::from_mins(1), async {
        tokio::select! { answer = answer => answer, () = flood => String::new() }
    });
    let answer = answer.await.unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn what_starts_nothing_is_told_so() {
    let remote = Remote::new();
    let bench = hooked(&remote).await;
    let ping = Delivery { event: "ping", ..Delivery::of("p", "{}") };
    assert_eq!(
        ping.send(&bench).await,
        (200, "{\"message\":\"this webhook is set up right\"}".to_owned())
    );
    let issues = Delivery { event: "issues", ..Delivery::of("i", "{}") };
    let (status, said) = issues.send(&bench).await;
    assert_eq!((status, said.contains("`issues` starts nothing here")), (202, true), "{said}");
    let id = "1234567890123456789012345678901234567890";
    let (status, said) = Delivery::of("t", &push("topic", id, id)).send(&bench).await;
    assert_eq!((status, said.contains("`topic` is not followed")), (202, true), "{said}");
    assert_eq!(looks(&bench), 1);
}
