//! What could be understood in two ways is refused or made clear: RFC 9112, 9110 and 9113. Each case says
//! what the client gets, and what the backend got to see.

use crate::backend::{good, hearing};
use crate::client::Client;
use crate::suite::tests;
use crate::world::World;

tests![
    malformed_requests_are_refused_and_never_passed_on,
    a_length_beside_chunks_is_dropped_and_the_connection_ends,
    equal_lengths_become_one,
    malformed_chunks_end_the_connection,
    what_concerns_one_connection_is_not_passed_on,
    what_clients_say_about_themselves_is_not_believed,
    a_trusted_proxy_is_believed,
    an_absolute_form_goes_before_host,
    an_upgrade_to_anything_else_is_not_passed_on,
    a_second_request_cannot_hide_in_a_body,
];

const HOST: &str = "Host: web.test\r\n";

async fn malformed_requests_are_refused_and_never_passed_on() {
    let world = World::new().await;
    let (backend, heard) = hearing().await;
    world.route(&[backend.address]).await;
    let get = |headers: &str| format!("GET / HTTP/1.1\r\n{HOST}{headers}\r\n");
    let post = |headers: &str| format!("POST / HTTP/1.1\r\n{HOST}{headers}\r\n0\r\n\r\n");
    let cases = [
        (400, "no host", "GET / HTTP/1.1\r\n\r\n".into()),
        (400, "two hosts", get("Host: other.test\r\n")),
        (400, "the same host twice", get(HOST)),
        (400, "a host with a user", "GET / HTTP/1.1\r\nHost: me@web.test\r\n\r\n".into()),
        (400, "a host with a path", "GET / HTTP/1.1\r\nHost: web.test/x\r\n\r\n".into()),
        (400, "a host with a blank", "GET / HTTP/1.1\r\nHost: web test\r\n\r\n".into()),
        (400, "an absolute form without host", "GET http://web.test/ HTTP/1.1\r\n\r\n".into()),
        (400, "another scheme", format!("GET ftp://web.test/ HTTP/1.1\r\n{HOST}\r\n")),
        (400, "no slash", format!("GET x HTTP/1.1\r\n{HOST}\r\n")),
        (
            501,
            "a proxy's method",
            "CONNECT web.test:80 HTTP/1.1\r\nHost: web.test:80\r\n\r\n".into(),
        ),
        (400, "two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n")),
        (400, "a list of lengths", post("Content-Length: 5, 6\r\n")),
        (400, "a signed length", post("Content-Length: +5\r\n")),
        (400, "a negative length", post("Content-Length: -5\r\n")),
        (400, "a length in hex", post("Content-Length: 0x5\r\n")),
        (400, "an empty length", post("Content-Length:\r\n")),
        (400, "a length too large", post("Content-Length: 99999999999999999999\r\n")),
        (400, "an unknown coding", post("Transfer-Encoding: xchunked\r\n")),
        (400, "chunked, but not last", post("Transfer-Encoding: chunked, identity\r\n")),
        (501, "chunked after another", post("Transfer-Encoding: gzip, chunked\r\n")),
        (
            501,
            "chunked twice",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ),
        (
            501,
            "identity, then chunked",
            post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        ),
        (400, "a coding in quotes", post("Transfer-Encoding: \"chunked\"\r\n")),
        (400, "a coding with a vertical tab", post("Transfer-Encoding: \x0bchunked\r\n")),
        (400, "a blank before the colon", post("Transfer-Encoding : chunked\r\n")),
        (400, "a tab before the colon", get("X-A\t: b\r\n")),
        (400, "a folded line", get("X-A: b\r\n c\r\n")),
        (400, "a folded first line", format!("GET / HTTP/1.1\r\n X-A: b\r\n{HOST}\r\n")),
        (400, "no colon", get("X-A\r\n")),
        (400, "an empty name", get(": b\r\n")),
        (400, "a zero byte", get("X-A: b\0c\r\n")),
        (400, "a bare return", get("X-A: b\rX-B: c\r\n")),
        (400, "a name with a bracket", get("X(A): b\r\n")),
        (400, "an unknown version", format!("GET / HTTP/1.2\r\n{HOST}\r\n")),
        (400, "a version in lower case", format!("GET / http/1.1\r\n{HOST}\r\n")),
        (400, "two blanks", format!("GET  / HTTP/1.1\r\n{HOST}\r\n")),
        (400, "a blank in the path", format!("GET /a b HTTP/1.1\r\n{HOST}\r\n")),
        (400, "a control byte in the path", format!("GET /a\x01 HTTP/1.1\r\n{HOST}\r\n")),
        (400, "a method with a brace", format!("G{{T / HTTP/1.1\r\n{HOST}\r\n")),
        (
            400,
            "chunks in HTTP/1.0",
            format!("POST / HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
    ];
    for (status, what, request) in cases {
        let mut client = Client::to(world.plain).await;
        let heard = client.ask(request).await.unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(heard.status, status, "{what}: {}", heard.head);
        assert!(client.rest().await.is_some(), "{what}: the connection ends");
    }
    assert_eq!(heard.borrow().as_slice(), &[] as &[String], "nothing reaches the backend");
    assert_eq!(world.counts().await.requests(), 0, "and no term is to blame");
}

async fn a_length_beside_chunks_is_dropped_and_the_connection_ends() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let both = [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
    ];
    for lengths in both {
        let mut client = Client::to(world.plain).await;
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: web.test\r\n\r\n";
        let request = format!("POST /echo HTTP/1.1\r\n{HOST}{lengths}\r\n0\r\n\r\n{smuggled}");
        let heard = client.ask(request).await.expect("an answer");
        assert_eq!(heard.status, 200);
        assert!(heard.text().contains("transfer-encoding: chunked"), "{}", heard.text());
        assert!(!heard.text().contains("content-length"), "{}", heard.text());
        assert_eq!(client.rest().await, Some(vec![]), "what follows is not a request");
    }
    assert_eq!(world.counts().await.requests(), 2);
}

async fn equal_lengths_become_one() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let request =
        format!("POST /echo HTTP/1.1\r\n{HOST}Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody");
    let heard = Client::to(world.plain).await.ask(request).await.expect("an answer");
    assert_eq!(heard.text().matches("content-length").count(), 1, "{}", heard.text());
    assert!(heard.text().ends_with("\n\nbody"));
}

async fn malformed_chunks_end_the_connection() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let cases = [
        ("no hex", "x\r\nbody\r\n0\r\n\r\n"),
        ("an empty size", "\r\nbody\r\n0\r\n\r\n"),
        ("a signed size", "+4\r\nbody\r\n0\r\n\r\n"),
        ("a size with 0x", "0x4\r\nbody\r\n0\r\n\r\n"),
        ("a size too large", "10000000000000004\r\nbody\r\n0\r\n\r\n"),
        ("more than was said", "4\r\nbodyX\r\n0\r\n\r\n"),
        ("a bare line feed after the size", "4\nbody\r\n0\r\n\r\n"),
        ("a bare line feed after the chunk", "4\r\nbody\n0\r\n\r\n"),
        ("a bare return in an extension", "4;a\rb\r\nbody\r\n0\r\n\r\n"),
    ];
    for (what, chunks) in cases {
        let mut client = Client::to(world.plain).await;
        let request = format!(
            "POST /upload HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{chunks}GET /smuggled HTTP/1.1\r\n{HOST}\r\n"
        );
        let heard = client.ask(request).await;
        assert!(heard.as_ref().is_none_or(|heard| heard.status == 400), "{what}: {heard:?}");
        let rest = client.rest().await.expect("an end");
        assert_eq!(String::from_utf8_lossy(&rest), "", "{what}: nothing more is answered");
    }
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.lost), (0, 0), "{counts:?}");
}

async fn echo(world: &World, request: String) -> String {
    let heard = Client::to(world.plain).await.ask(request).await.expect("an answer");
    assert_eq!(heard.status, 200, "{}", heard.head);
    heard.text().to_owned()
}

async fn what_concerns_one_connection_is_not_passed_on() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let hop = "Connection: keep-alive, X-Mine, Host, Content-Length\r\nX-Mine: a\r\nX-Other: b\r\n\
        Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nContent-Length: 4\r\n";
    let said = echo(&world, format!("POST /echo HTTP/1.1\r\n{HOST}{hop}\r\nbody")).await;
    for gone in ["connection", "x-mine", "keep-alive", "te:"] {
        assert!(!said.lines().any(|line| line.starts_with(gone)), "{gone}: {said}");
    }
    for there in ["x-other: b", "host: web.test", "content-length: 4"] {
        assert!(said.lines().any(|line| line == there), "{there}: {said}");
    }
}

async fn what_clients_say_about_themselves_is_not_believed() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let lies = "X-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: evil.test\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX_real_ip: 1.2.3.4\r\n\
        Connection: X-Forwarded-For, X-Real-IP\r\n";
    let said = echo(&world, format!("GET /echo HTTP/1.1\r\n{HOST}{lies}\r\n")).await;
    assert!(!said.contains("1.2.3.4") && !said.contains("evil"), "{said}");
    for truth in [
        "x-forwarded-for: 127.0.0.1",
        "x-real-ip: 127.0.0.1",
        "x-forwarded-proto: http",
        "x-forwarded-host: web.test",
        "forwarded: for=127.0.0.1;host=\"web.test\";proto=http",
    ] {
        assert!(said.lines().any(|line| line == truth), "{truth}: {said}");
    }
}

async fn a_trusted_proxy_is_believed() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.put(|spec| spec.trusted = vec!["127.0.0.0/8".parse().expect("a network")]).await;
    world.flip("one", &[backend.address]).await;
    let told = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4\r\n";
    let said = echo(&world, format!("GET /echo HTTP/1.1\r\n{HOST}{told}\r\n")).await;
    for truth in [
        "x-forwarded-for: 1.2.3.4, 127.0.0.1",
        "x-forwarded-proto: https",
        "forwarded: for=1.2.3.4, for=127.0.0.1;host=\"web.test\";proto=http",
    ] {
        assert!(said.lines().any(|line| line == truth), "{truth}: {said}");
    }
}

async fn an_absolute_form_goes_before_host() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.put(|spec| spec.hosts = vec!["web.test".into()]).await;
    world.flip("one", &[backend.address]).await;
    let said =
        echo(&world, "GET http://web.test/echo?a=b HTTP/1.1\r\nHost: other.test\r\n\r\n".into())
            .await;
    assert!(said.starts_with("GET /echo?a=b\n"), "{said}");
    assert!(said.contains("\nhost: web.test\n"), "{said}");
}

async fn an_upgrade_to_anything_else_is_not_passed_on() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let upgrade =
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    let said = echo(&world, format!("GET /echo HTTP/1.1\r\n{HOST}{upgrade}\r\n")).await;
    assert!(!said.contains("upgrade") && !said.contains("http2-settings"), "{said}");
}

async fn a_second_request_cannot_hide_in_a_body() {
    let world = World::with(|settings| settings.threads = Some(1)).await;
    let (backend, heard) = hearing().await;
    world.route(&[backend.address]).await;
    // The backend answers without reading the body: what is left of it must not become the next request.
    let hidden = "GET /hidden HTTP/1.1\r\nHost: web.test\r\n\r\n";
    let request = format!(
        "POST /first HTTP/1.1\r\n{HOST}Content-Length: {}\r\n\r\n{hidden}",
        hidden.len() + 10
    );
    let mut client = Client::to(world.plain).await;
    assert_eq!(client.ask(request).await.expect("an answer").status, 200);
    drop(client);
    for _ in 0..3 {
        assert_eq!(
            Client::to(world.plain).await.get("/next").await.expect("an answer").text(),
            "ok"
        );
    }
    let next = heard.borrow().iter().filter(|head| head.starts_with("GET /next")).count();
    assert_eq!(next, 3, "each got its own answer: {:?}", heard.borrow());
}
