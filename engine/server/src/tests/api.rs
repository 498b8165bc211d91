//! A small HTTP server that stands in for a provider: it notes what it is asked and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: serde_json::Value,
}

/// Status, headers, body.
pub(super) type Answer = (u16, Vec<(&'static str, String)>, String);

/// What it knows.
#[derive(Default)]
struct Desk {
    asked: Vec<Asked>,
    answers: VecDeque<Answer>,
    /// Files that it hands out, and the password that it wants for them.
    files: Option<(PathBuf, String)>,
}

/// Stands in for a provider.
pub(super) struct Api {
    pub(super) address: String,
    desk: Arc<Mutex<Desk>>,
    serving: JoinHandle<()>,
}

impl Api {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::<Mutex<Desk>>::default();
        let serving = tokio::spawn(serve(listener, Arc::clone(&desk)));
        Self { address, desk, serving }
    }

    /// Hands out the files of a folder to who has this password.
    pub(super) fn hand_out(&self, folder: PathBuf, password: &str) {
        self.desk.lock().unwrap().files = Some((folder, password.to_owned()));
    }

    /// Answers the next request so; by default all is well.
    pub(super) fn answer(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.desk.lock().unwrap().answers.push_back((status, headers, body.to_owned()));
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.desk.lock().unwrap().asked.clone()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, desk: Arc<Mutex<Desk>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, Infallible>(answered(&desk, request).await) }
            });
            let server = hyper::server::conn::http1::Builder::new();
            _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answered(desk: &Mutex<Desk>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = head.uri.path().to_owned();
    let mut desk = desk.lock().unwrap();
    if head.method == "GET" {
        return file(&desk, &path, &head.headers);
    }
    let body = serde_json::from_slice(&body).unwrap_or_default();
    desk.asked.push(Asked { path, headers: head.headers, body });
    let (status, headers, text) =
        desk.answers.pop_front().unwrap_or((201, Vec::new(), "{}".to_owned()));
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(name, value);
    }
    answer.body(Full::from(text)).unwrap()
}

/// Git's own files, as any web server hands them out.
fn file(desk: &Desk, path: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    let Some((folder, password)) = &desk.files else {
        *answer.status_mut() = StatusCode::NOT_FOUND;
        return answer;
    };
    let given = headers.get("authorization").and_then(|given| given.to_str().ok());
    let given = given.and_then(|given| BASE64_STANDARD.decode(given.strip_prefix("Basic ")?).ok());
    let given = given.and_then(|pair| String::from_utf8(pair).ok());
    if given.and_then(|pair| pair.split_once(':').map(|(_, word)| word == password)) != Some(true) {
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
        let ask = "Basic realm=\"git\"".parse().unwrap();
        answer.headers_mut().insert("www-authenticate", ask);
        return answer;
    }
    let inner = path.split_once(".git/").map_or("", |(_, inner)| inner);
    match std::fs::read(folder.join(inner)) {
        Ok(bytes) => *answer.body_mut() = Full::from(bytes),
        Err(_) => *answer.status_mut() = StatusCode::NOT_FOUND,
    }
    answer
}
