//! `data.http` against a real server on this machine, with encryption and without.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::Value;
use model::fault::Nature;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, pem::PemObject};

use crate::lab::Lab;
use crate::life::Life;

/// A server that answers by path; gone when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) asked: Arc<AtomicUsize>,
    running: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// What is answered to a request; None: nothing, ever.
type Answers = fn(&str, &str) -> Option<Vec<u8>>;

impl Server {
    pub(crate) async fn start(answers: Answers, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, answers).await;
                            }
                        }
                        None => serve(stream, answers).await,
                    }
                });
            }
        });
        Self { port, asked, running }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answers: Answers) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    match answers(&path, &request) {
        Some(answer) => {
            // Whoever asked may have had enough.
            _ = stream.write_all(&answer).await;
            _ = stream.shutdown().await;
        }
        None => tokio::time::sleep(Duration::from_mins(1)).await,
    }
}

pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn shop(path: &str, request: &str) -> Option<Vec<u8>> {
    let redirect = |to: &str| Some(answer("302 Found", &format!("location: {to}\r\n"), b""));
    match path {
        "/hello" => {
            let headers = "content-type: text/plain\r\netag: \"1\"\r\ndate: now\r\n";
            let body: &[u8] = if request.starts_with("HEAD") { b"" } else { b"hello\n" };
            Some(answer("200 OK", headers, body))
        }
        "/echo" => Some(answer("200 OK", "", request.as_bytes())),
        "/missing" => Some(answer("404 Not Found", "", b"no such thing\n")),
        "/broken" => Some(answer("503 Service Unavailable", "", b"")),
        "/large" => Some(answer("200 OK", "", &[b'x'; 4096])),
        "/binary" => Some(answer("200 OK", "", &[0xff, 0xfe])),
        "/cut" => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec()),
        "/away" => redirect("/echo"),
        "/round" => redirect("/round"),
        "/plain" => redirect("http://127.0.0.1:1/"),
        "/nonsense" => Some(b"what?\r\n\r\n".to_vec()),
        _ => None,
    }
}

#[tokio::test]
async fn an_answer_is_read_again_and_only_what_lasts_of_its_headers_is_kept() {
    let (lab, server) = (Lab::new(), Server::start(shop, None).await);
    let life = Life::of(&lab, "data.http");
    let keys = format!("url: {}", server.url("/hello"));
    let made = life.create(&keys).await.unwrap();
    assert_eq!((made.text("body"), made.text("answer_status")), ("hello\n", "200"));
    let Value::Map(headers) = made.get("answer_headers") else { panic!("{made:?}") };
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["content-type", "etag"]);
    life.is_as_applied(&keys, &made).await;
    life.runs(&keys, &format!("{{url: {}, method: head}}", server.url("/hello"))).await;
}

#[tokio::test]
async fn a_secret_header_is_sent_and_must_not_come_back_in_the_open() {
    let (lab, server) = (Lab::new(), Server::start(shop, None).await);
    let life = Life::of(&lab, "data.http");
    let headers = "headers: {authorization: 'Bearer ${secret.api}'}";
    let url = server.url("/echo");
    let fault = life.create(&format!("{{url: {url}, {headers}}}")).await.unwrap_err();
    assert_eq!(fault.message, format!("the answer of {url} shows the secret `api`"));
    life.shows_no_secret(&format!("{fault:?}"));
    let keys = format!("{{url: {url}, {headers}, sensitive: true}}");
    let made = life.create(&keys).await.unwrap();
    life.is_as_applied(&keys, &made).await;
    let kept = lab.vault.texts().into_iter().find(|text| text.starts_with("GET /echo")).unwrap();
    assert!(kept.contains("authorization: Bearer canary-of-api-7431"), "{kept}");
    life.ends(&keys, &made).await;
    assert_eq!(lab.vault.names(), ["api", "db"]);
}

#[tokio::test]
async fn a_redirect_is_followed_and_headers_stay_with_their_machine() {
    let (lab, server) = (Lab::new(), Server::start(shop, None).await);
    let life = Life::of(&lab, "data.http");
    let keys = format!("{{url: {}, headers: {{x-own: 'yes'}}}}", server.url("/away"));
    let made = life.create(&keys).await.unwrap();
    assert!(made.text("body").contains("x-own: yes"), "the same machine: {made:?}");
    let keys = format!("{{url: {}, status: [200, 302]}}", server.url("/away"));
    let made = life.create(&keys).await.unwrap();
    assert_eq!(made.text("answer_status"), "302", "it is what was asked for: {made:?}");
    let Value::Map(headers) = made.get("answer_headers") else { panic!("{made:?}") };
    assert_eq!(headers["location"].as_text(), Some("/echo"));
    // Another port is another machine.
    let answers: Answers = |_, request| {
        let port: u16 = request.split("/to/").nth(1)?.split(' ').next()?.parse().ok()?;
        Some(answer("307 Away", &format!("location: http://127.0.0.1:{port}/echo\r\n"), b""))
    };
    let other = Server::start(answers, None).await;
    let url = other.url(&format!("/to/{}", server.port));
    let made = life.create(&format!("{{url: {url}, headers: {{x-own: 'yes'}}}}")).await.unwrap();
    assert!(made.text("body").starts_with("GET /echo"), "{made:?}");
    assert!(!made.text("body").contains("x-own"), "{made:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_refused() {
    let (lab, server) = (Lab::new(), Server::start(shop, None).await);
    let life = Life::of(&lab, "data.http");
    let at = |path: &str| server.url(path);
    let missing = format!("{} answers 404, not 200", at("/missing"));
    let broken = format!("{} answers 503, not 200", at("/broken"));
    let large = format!("{} answers with more than 1KiB", at("/large"));
    let cut = format!("{} broke off after 3 bytes", at("/cut"));
    let round = format!("{} leads on more than 5 times", at("/round"));
    let late = format!("{} did not answer within 0.2 s", at("/never"));
    let odd = format!("cannot reach 127.0.0.1:{}: ", server.port);
    let refused: [(&str, &str, &str, Nature); 7] = [
        ("/missing", "", &missing, Nature::Refused),
        ("/broken", "", &broken, Nature::Passing),
        ("/large", ", max_size: 1KiB", &large, Nature::Refused),
        ("/cut", "", &cut, Nature::Passing),
        ("/round", "", &round, Nature::Refused),
        ("/never", ", time_limit: 200ms", &late, Nature::Passing),
        ("/nonsense", "", &odd, Nature::Passing),
    ];
    for (path, more, why, nature) in refused {
        let fault = life.create(&format!("{{url: {}{more}}}", at(path))).await.unwrap_err();
        assert!(fault.message.starts_with(why), "{path}: {fault:?}");
        assert_eq!(fault.nature, nature, "{path}: {fault:?}");
    }
    let fault = life.create(&format!("url: {}", at("/missing"))).await.unwrap_err();
    assert_eq!(fault.details, ["no such thing"]);
    let made = life.create(&format!("{{url: {}, status: [200, 404]}}", at("/missing"))).await;
    assert_eq!(made.unwrap().text("answer_status"), "404");
    let made = life.create(&format!("url: {}", at("/binary"))).await.unwrap();
    assert_eq!(made.get("body"), &Value::Null);
}

#[tokio::test]
async fn nobody_at_a_port_says_so() {
    let lab = Lab::new();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let life = Life::of(&lab, "data.http");
    let fault = life.create(&format!("url: http://127.0.0.1:{port}/")).await.unwrap_err();
    assert_eq!(fault.message, format!("cannot reach 127.0.0.1:{port}: connection refused"));
    assert_eq!(fault.help.as_deref(), Some("is it running, and is this its port?"));
    assert_eq!(fault.nature, Nature::Passing);
}

#[tokio::test]
async fn a_certificate_is_believed_only_if_its_authority_is() {
    let lab = Lab::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let server = Server::start(shop, Some(TlsAcceptor::from(Arc::new(config)))).await;
    let life = Life::of(&lab, "data.http");
    let url = format!("https://localhost:{}/hello", server.port);
    let fault = life.create(&format!("url: {url}")).await.unwrap_err();
    assert!(fault.message.starts_with("cannot trust localhost:"), "{fault:?}");
    let help = "name the authority that has signed it with `authorities`";
    assert_eq!(fault.help.as_deref(), Some(help));
    lab.write("ca.pem", made.cert.pem());
    let keys = format!("{{url: {url}, authorities: ca.pem}}");
    let made = life.create(&keys).await.unwrap();
    assert_eq!(made.text("body"), "hello\n");
    let url = format!("https://localhost:{}/plain", server.port);
    let fault = life.create(&format!("{{url: {url}, authorities: ca.pem}}")).await.unwrap_err();
    let message = format!("{url} leads to http://127.0.0.1:1/, which is not encrypted");
    assert_eq!(fault.message, message);
    lab.write("empty.pem", "nothing");
    let fault = life.create(&format!("{{url: {url}, authorities: empty.pem}}")).await.unwrap_err();
    assert!(fault.message.contains("empty.pem holds no certificates"), "{fault:?}");
}
