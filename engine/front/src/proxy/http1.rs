//! HTTP/1.1 from clients, through hyper.

use std::rc::Rc;

use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::select;

use super::client::Client;
use super::exchange::answer;
use super::line::{End, Line};
use super::worker::{Stage, Worker};

/// What hyper reads ahead of a body at most.
const BUFFER: usize = 128 << 10;

pub(crate) async fn serve<S>(stream: S, first: Bytes, line: Line, worker: Rc<Worker>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let line = Rc::new(line);
    let _end = End::of(&line);
    let settings = worker.settings();
    let client = Client::new(stream, first, line.clone(), worker.limits());
    let service = service_fn(|request| answer(request, line.clone(), worker.clone()));
    let mut connection = http1::Builder::new()
        // A client that has said everything still wants its answer.
        .half_close(true)
        .max_headers(settings.head_fields)
        .max_header_size(settings.head_bytes)
        .max_buf_size(BUFFER.max(settings.head_bytes))
        .serve_connection(TokioIo::new(client), service);
    let ended = select! {
        ended = &mut connection => ended,
        () = worker.reach(Stage::Over) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let parts = connection.into_parts();
    let client = parts.io.into_inner();
    match line.tunnel.take() {
        Some(tunnel) if ended.is_ok() => {
            tunnel.run(client, parts.read_buf).await;
        }
        _ => client.close().await,
    }
}
