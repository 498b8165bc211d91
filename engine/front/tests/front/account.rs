//! Who answers, and the account of it.

use std::time::Duration;

use front::{Command, Counts, Reply};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::backend::{OK, good, head, rude, say};
use crate::client::{Client, get};
use crate::suite::tests;
use crate::world::{SOON, World};

tests![
    a_request_is_answered_and_counted,
    hosts_and_prefixes_lead_to_their_routes,
    a_paused_route_holds_requests_until_it_is_resumed,
    who_waits_too_long_on_a_paused_route_is_turned_away,
    who_waits_on_a_route_that_is_removed_is_told,
    a_term_is_drained_when_its_last_answer_is_out,
    whoever_is_open_at_the_drain_deadline_is_cut_and_late,
    a_client_that_takes_nothing_cannot_stop_a_drain,
    a_backend_that_dies_in_its_answer_is_a_loss_that_the_client_sees,
    a_client_that_leaves_is_gone,
    a_backend_that_cannot_be_reached_is_waited_for,
    a_backend_that_stays_away_is_a_loss,
    the_next_target_answers_for_one_that_is_away,
    receipts_are_asked_for_twice,
    commands_that_make_no_sense_are_refused,
];

async fn a_request_is_answered_and_counted() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    for path in ["/", "/slow", "/big", "/status/500"] {
        assert!(client.get(path).await.expect("an answer").whole, "{path}");
    }
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "blue");
    assert_eq!(world.counts().await, Counts { served: 5, errors: 1, ..Counts::default() });
}

async fn hosts_and_prefixes_lead_to_their_routes() {
    let world = World::new().await;
    let names = ["any", "shop", "api"];
    for (name, (host, prefix)) in
        names.into_iter().zip([("", "/"), ("shop.test", "/"), ("", "/api")])
    {
        let backend = Box::leak(Box::new(good(name).await));
        let (name, host, prefix) = (name.to_owned(), host.to_owned(), prefix.to_owned());
        let hosts = vec![host];
        let spec = front::RouteSpec { name: name.clone(), hosts, prefix, ..Default::default() };
        world.say(Command::Put(spec)).await;
        let targets = vec![backend.address];
        world.say(Command::Flip { route: name, version: "1".into(), targets, ready_ms: 0 }).await;
    }
    let asked =
        [("web.test", "/", "any"), ("shop.test", "/api", "shop"), ("web.test", "/api/x", "api")];
    for (host, path, name) in asked {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let heard = Client::to(world.plain).await.ask(request).await.expect("an answer");
        assert_eq!(heard.text(), name, "{host}{path}");
    }
    let away = Command::Remove { route: "any".into() };
    assert_eq!(world.say(away).await, Reply::Done);
    assert_eq!(get(world.plain, "/").await.expect("an answer").status, 404);
}

async fn a_paused_route_holds_requests_until_it_is_resumed() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let term = world.pause().await;
    let waiting = spawn_local(get(world.plain, "/"));
    sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "it waits");
    assert_eq!(world.drain(term, SOON).await.counts, Counts::default(), "nobody was admitted");
    let resumed = world.say(Command::Resume { route: "web".into() }).await;
    assert_eq!(resumed, Reply::Term { term: Some(2), relieved: None });
    assert_eq!(waiting.await.expect("a task").expect("an answer").text(), "blue");
    assert_eq!(world.counts().await.served, 1);
}

async fn who_waits_too_long_on_a_paused_route_is_turned_away() {
    let world = World::with(|settings| settings.patience_ms = 50).await;
    world.put(|_| {}).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").status, 503);
    assert_eq!(world.remote().look().await.expect("a look").routes[0].turned_away, 1);
}

async fn who_waits_on_a_route_that_is_removed_is_told() {
    let world = World::new().await;
    world.put(|_| {}).await;
    let waiting = spawn_local(get(world.plain, "/"));
    sleep(Duration::from_millis(50)).await;
    world.say(Command::Remove { route: "web".into() }).await;
    assert_eq!(waiting.await.expect("a task").expect("an answer").status, 404);
}

async fn a_term_is_drained_when_its_last_answer_is_out() {
    let world = World::new().await;
    let (blue, green) = (good("blue").await, good("green").await);
    world.route(&[blue.address]).await;
    let slow = spawn_local(get(world.plain, "/slow"));
    sleep(Duration::from_millis(30)).await;
    let term = world.flip("two", &[green.address]).await.expect("a relieved term");
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "green");
    let receipt = world.drain(term, SOON).await;
    assert_eq!((receipt.version.as_str(), receipt.counts.served), ("one", 1));
    assert!(receipt.counts.slowest_ms >= 100, "{receipt:?}");
    assert_eq!(slow.await.expect("a task").expect("an answer").text(), "blue");
    assert_eq!(world.counts().await.served, 1);
}

async fn whoever_is_open_at_the_drain_deadline_is_cut_and_late() {
    let world = World::new().await;
    let mute = rude(|mut stream, _| async move {
        while let Some(asked) = head(&mut stream).await {
            if asked.contains("/begun") {
                say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
            }
        }
    })
    .await;
    world.route(&[mute.address]).await;
    let mute = spawn_local(get(world.plain, "/mute"));
    let begun = spawn_local(get(world.plain, "/begun"));
    sleep(Duration::from_millis(100)).await;
    let term = world.pause().await;
    let receipt = world.drain(term, Duration::from_millis(50)).await;
    let expected = Counts { lost: 2, late: 2, slowest_ms: 0, ..Counts::default() };
    assert_eq!(receipt.counts, expected);
    assert_eq!(mute.await.expect("a task").expect("an answer").status, 503);
    let begun = begun.await.expect("a task").expect("an answer");
    assert!(!begun.whole, "{begun:?}");
}

async fn a_client_that_takes_nothing_cannot_stop_a_drain() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut stuck: Vec<Client> = vec![];
    for _ in 0..3 {
        let mut client = Client::to(world.plain).await;
        // More than all buffers on the way hold.
        let request = "GET /big HTTP/1.1\r\nHost: web.test\r\n\r\n";
        client.say(request.repeat(8)).await;
        stuck.push(client);
    }
    sleep(Duration::from_millis(200)).await;
    let term = world.pause().await;
    let receipt = world.drain(term, Duration::from_millis(100)).await;
    assert_eq!((receipt.counts.lost, receipt.counts.late), (3, 3), "{receipt:?}");
    let mut seen = 0;
    for client in &mut stuck {
        while client.hear().await.is_some_and(|heard| heard.whole) {
            seen += 1;
        }
    }
    assert_eq!(receipt.counts.served, seen, "what was served came");
}

async fn a_backend_that_dies_in_its_answer_is_a_loss_that_the_client_sees() {
    let world = World::new().await;
    let framings =
        ["content-length: 10\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"];
    for (resets, framing) in
        [(false, framings[0]), (false, framings[1]), (true, framings[0]), (true, framings[1])]
    {
        let dying = rude(move |mut stream, _| async move {
            head(&mut stream).await;
            say(&mut stream, format!("HTTP/1.1 200 OK\r\n{framing}")).await;
            sleep(Duration::from_millis(20)).await;
            if resets {
                crate::backend::reset(stream);
            }
        })
        .await;
        world.route(&[dying.address]).await;
        let heard = get(world.plain, "/").await.expect("a head");
        assert_eq!((heard.status, heard.whole), (200, false), "{framing}");
        assert_eq!(world.counts().await, Counts { lost: 1, ..Counts::default() }, "{framing}");
    }
}

async fn a_client_that_leaves_is_gone() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    let mut client = Client::to(world.plain).await;
    client.say("GET /events HTTP/1.1\r\nHost: web.test\r\n\r\n").await;
    client.0.read_u8().await.expect("a byte");
    crate::backend::reset(client.0);
    assert_eq!(world.counts().await, Counts { gone: 1, ..Counts::default() });
}

async fn a_backend_that_cannot_be_reached_is_waited_for() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    world.route(&[address]).await;
    let asked = "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 4\r\n\r\nbody";
    let waiting =
        spawn_local(
            async move { Client::to(world.plain).await.ask(asked).await.map(|h| (h, world)) },
        );
    sleep(Duration::from_millis(100)).await;
    let listener = TcpListener::bind(address).await.expect("the same socket");
    let (mut stream, _) = listener.accept().await.expect("a connection");
    head(&mut stream).await.expect("a request");
    say(&mut stream, OK).await;
    let (heard, world) = waiting.await.expect("a task").expect("an answer");
    assert_eq!(heard.status, 200);
    let counts = world.counts().await;
    assert!(counts.moved > 0, "{counts:?}");
    assert_eq!((counts.served, counts.lost), (1, 0));
}

async fn a_backend_that_stays_away_is_a_loss() {
    let world = World::new().await;
    let gone = good("gone").await;
    world.route(&[gone.address]).await;
    drop(gone);
    assert_eq!(get(world.plain, "/").await.expect("an answer").status, 502);
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.lost), (0, 1));
}

async fn the_next_target_answers_for_one_that_is_away() {
    let world = World::new().await;
    let (gone, there) = (good("gone").await, good("there").await);
    world.route(&[gone.address, there.address]).await;
    drop(gone);
    for _ in 0..6 {
        assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "there");
    }
    let counts = world.counts().await;
    assert_eq!((counts.served, counts.lost), (6, 0));
    assert_eq!(counts.moved, 3, "every second one");
}

async fn receipts_are_asked_for_twice() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.route(&[backend.address]).await;
    get(world.plain, "/").await.expect("an answer");
    let term = world.pause().await;
    let first = world.drain(term, SOON).await;
    assert_eq!(first, world.drain(term, SOON).await);
    let asked = Command::Receipt { route: "web".into(), term };
    assert_eq!(world.say(asked).await, Reply::Receipt(first));
}

async fn commands_that_make_no_sense_are_refused() {
    let world = World::new().await;
    world.put(|_| {}).await;
    let web = || "web".to_owned();
    let none = "none".to_owned();
    let refused = [
        (Command::Resume { route: web() }, "web has never had anybody in office: flip instead"),
        (Command::Pause { route: none.clone() }, "there is no route none"),
        (Command::Remove { route: none }, "there is no route none"),
        (
            Command::Drain { route: web(), term: 7, deadline_ms: 0 },
            "web has no term 7, or its receipt is no longer kept",
        ),
        (
            Command::Flip { route: web(), version: "1".into(), targets: vec![], ready_ms: 0 },
            "a flip needs targets; to put nobody in office, pause",
        ),
        (
            Command::Put(front::RouteSpec {
                name: "x".into(),
                prefix: "x".into(),
                ..Default::default()
            }),
            "a route needs a name, and a prefix that begins with a slash",
        ),
        (
            Command::Put(front::RouteSpec {
                name: "x".into(),
                prefix: "/".into(),
                ..Default::default()
            }),
            "the route web takes these requests already",
        ),
    ];
    for (command, why) in refused {
        let error = world.remote().say(&command).await.expect_err("a refusal");
        assert_eq!(error.to_string(), why);
    }
    world.flip("one", &["127.0.0.1:1".parse().expect("an address")]).await;
    for (command, why) in [
        (Command::Resume { route: web() }, "web is not paused"),
        (
            Command::Drain { route: web(), term: 1, deadline_ms: 0 },
            "term 1 of web is in office: flip or pause first",
        ),
    ] {
        let error = world.remote().say(&command).await.expect_err("a refusal");
        assert_eq!(error.to_string(), why);
    }
}
