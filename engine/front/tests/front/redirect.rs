//! Routes that send everybody on to HTTPS.

use std::net::SocketAddr;

use front::{Command, Counts, CutOver, RouteSpec};

use crate::backend::good;
use crate::client::{Client, get};
use crate::process::kill;
use crate::suite::tests;
use crate::world::World;

tests![
    everybody_goes_on_to_the_same_place,
    the_port_is_said_where_it_is_not_the_usual_one,
    a_longer_path_leads_elsewhere,
    a_request_that_names_no_host_stays,
    who_is_in_office_changes_in_one_moment,
    it_stays_so_through_a_death,
];

async fn on(world: &World, port: u16) {
    world.put(|spec| spec.redirect = Some(port)).await;
    world.flip("on", &[]).await;
}

async fn everybody_goes_on_to_the_same_place() {
    let world = World::new().await;
    on(&world, 443).await;
    let cases = [
        ("/", "Host: shop.test", "https://shop.test/"),
        ("/a%20b//c?d=e&f", "Host: Shop.test:8080", "https://Shop.test/a%20b//c?d=e&f"),
        ("/", "Host: [::1]:8080", "https://[::1]/"),
        ("http://shop.test:80/x", "Host: shop.test:80", "https://shop.test/x"),
    ];
    let mut client = Client::to(world.plain).await;
    for (path, host, to) in cases {
        let heard = client.ask(format!("GET {path} HTTP/1.1\r\n{host}\r\n\r\n")).await;
        let heard = heard.expect("an answer");
        assert_eq!((heard.status, heard.header("location")), (308, Some(to)));
        assert!(heard.whole && heard.body.is_empty(), "{}", heard.head);
    }
    // 308 keeps the method, so the body is for the next one to take.
    let upload = "POST /form HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello";
    let heard = client.ask(upload).await.expect("an answer");
    assert_eq!(heard.header("location"), Some("https://shop.test/form"));
    assert_eq!(heard.header("connection"), Some("close"));
    assert_eq!(world.counts().await, Counts { served: 5, ..Counts::default() });
}

async fn the_port_is_said_where_it_is_not_the_usual_one() {
    let world = World::new().await;
    on(&world, 8443).await;
    let heard = get(world.plain, "/x?y").await.expect("an answer");
    assert_eq!(heard.header("location"), Some("https://web.test:8443/x?y"));
}

async fn a_longer_path_leads_elsewhere() {
    let (world, backend) = (World::new().await, good("blue").await);
    on(&world, 443).await;
    let acme = RouteSpec {
        name: "acme".into(),
        prefix: "/.well-known/acme-challenge/".into(),
        ..RouteSpec::default()
    };
    world.say(Command::Put(acme)).await;
    let (route, version, targets) = ("acme".into(), "one".into(), vec![backend.address]);
    world.say(Command::Flip { route, version, targets, ready_ms: 0 }).await;
    let status = async |path| get(world.plain, path).await.expect("an answer").status;
    assert_eq!(status("/.well-known/acme-challenge/token").await, 200);
    assert_eq!(status("/.well-known/acme-challenge").await, 308);
    assert_eq!(status("/.well-known/other").await, 308);
}

async fn a_request_that_names_no_host_stays() {
    let world = World::new().await;
    on(&world, 443).await;
    let mut client = Client::to(world.plain).await;
    let heard = client.ask("GET / HTTP/1.0\r\n\r\n").await.expect("an answer");
    assert_eq!(heard.status, 400);
    assert!(heard.header("location").is_none());
    assert_eq!(world.counts().await, Counts { gone: 1, ..Counts::default() });
}

async fn cut_over(world: &World, version: &str, targets: &[SocketAddr]) {
    let (route, version, token) = ("web".into(), version.into(), version.into());
    let targets = targets.to_vec();
    world
        .say(Command::CutOver(CutOver { route, version, targets, token, ..CutOver::default() }))
        .await;
}

/// The route is written before the change of office: until then everybody is served as before.
async fn who_is_in_office_changes_in_one_moment() {
    let (world, backend) = (World::new().await, good("blue").await);
    let status = async || get(world.plain, "/").await.expect("an answer").status;
    world.put(|_| {}).await;
    let (route, version, token) = ("web".into(), "none".into(), "none".into());
    let none = CutOver { route, version, token, ..CutOver::default() };
    let refused = world.remote().say(&Command::CutOver(none)).await.expect_err("no targets");
    assert_eq!(refused.to_string(), "a cutover needs targets and a token");
    cut_over(&world, "blue", &[backend.address]).await;
    assert_eq!(status().await, 200);
    world.put(|spec| spec.redirect = Some(8443)).await;
    assert_eq!(status().await, 200);
    cut_over(&world, "on", &[]).await;
    world.put(|_| {}).await;
    let heard = get(world.plain, "/").await.expect("an answer");
    assert_eq!(heard.header("location"), Some("https://web.test:8443/"), "as it came into office");
    cut_over(&world, "again", &[backend.address]).await;
    assert_eq!(status().await, 200);
}

async fn it_stays_so_through_a_death() {
    let world = World::new().await;
    on(&world, 8443).await;
    let before = world.pid().await;
    kill(before);
    let heard = get(world.plain, "/").await.expect("an answer");
    assert_eq!(heard.header("location"), Some("https://web.test:8443/"));
    assert_ne!(world.pid().await, before);
}
