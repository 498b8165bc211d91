//! Takes connections, each in a task of its own, until the server is to end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::route::route;
use crate::house::House;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(30);
/// The longest head, in bytes.
const LONGEST: usize = 64 << 10;
/// Out of descriptors, say: others may end meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves what comes in on a socket until the server is to end.
pub(crate) async fn listen(house: Arc<House>, listener: TcpListener) {
    let mut leaving = house.leaving();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    sleep(PAUSE).await;
                    continue;
                }
            },
            _ = leaving.changed() => return,
        };
        _ = stream.set_nodelay(true);
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let house = Arc::clone(&house);
                async move { Ok::<_, Infallible>(route(&house, request).await) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LONGEST);
            // Whoever breaks off is not to be told of it.
            _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
