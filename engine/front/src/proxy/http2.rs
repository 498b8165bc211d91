//! HTTP/2 from clients, through hyper. Backends are asked by HTTP/1.1.

use std::pin::pin;
use std::rc::Rc;

use hyper::body::Bytes;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::select;
use tokio::task::spawn_local;

use super::client::Client;
use super::exchange::answer;
use super::line::{End, Line};
use super::worker::{Stage, Worker};

/// Requests of one connection at once.
const STREAMS: u32 = 256;
/// What a client may send ahead, on one stream and on all.
const WINDOW: u32 = 256 << 10;
const WINDOWS: u32 = 1 << 20;

/// Runs what hyper spawns on this thread.
#[derive(Clone)]
struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, future: F) {
        spawn_local(async move { drop(future.await) });
    }
}

pub(crate) async fn serve<S>(stream: S, first: Bytes, line: Line, worker: Rc<Worker>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let line = Rc::new(line);
    let _end = End::of(&line);
    let client = Client::new(stream, first, line.clone(), worker.limits());
    let service = service_fn(|request| answer(request, line.clone(), worker.clone()));
    let mut connection = pin!(
        http2::Builder::new(Local)
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOWS)
            .max_header_list_size(worker.settings().head_bytes as u32)
            .serve_connection(TokioIo::new(client), service)
    );
    select! {
        _ = connection.as_mut() => return,
        // Says which streams are still answered, and ends after them.
        () = worker.reach(Stage::Leaving) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
