//! Sockets that routes name, certificates whose files change, and one keeper at a time.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use front::{Bind, Command, Keeper, Parent, Reply, RouteSpec, Settings};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::backend::good;
use crate::client::get;
use crate::process::{another, kill};
use crate::suite::tests;
use crate::world::{SOON, World, plan};

tests![
    a_route_opens_its_socket_and_takes_it_along,
    a_socket_that_a_route_opened_outlives_the_front,
    what_a_socket_cannot_be_is_refused,
    a_certificate_whose_files_change_is_taken_up_while_connections_stand,
    one_name_has_a_certificate_of_its_own_at_each_address,
    one_keeper_at_a_time,
];

/// A port that nobody has.
fn free() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("an address")
}

fn route(name: &str, address: SocketAddr, tls: bool) -> Command {
    Command::Put(RouteSpec {
        name: name.into(),
        listen: Some(Bind { address, tls }),
        prefix: "/".into(),
        ..RouteSpec::default()
    })
}

async fn flip(world: &World, route: &str, target: SocketAddr) {
    let (route, version) = (route.into(), "1".into());
    world.say(Command::Flip { route, version, targets: vec![target], ready_ms: 0 }).await;
}

async fn a_route_opens_its_socket_and_takes_it_along() {
    let (world, blue, green) = (World::new().await, good("blue").await, good("green").await);
    let (one, two) = (free(), free());
    for (name, address, target) in [("one", one, blue.address), ("two", two, green.address)] {
        assert_eq!(world.say(route(name, address, false)).await, Reply::Done);
        flip(&world, name, target).await;
    }
    assert_eq!(get(one, "/").await.expect("an answer").text(), "blue");
    assert_eq!(get(two, "/").await.expect("an answer").text(), "green");
    assert_eq!(get(world.plain, "/").await.expect("an answer").status, 404);
    // Another socket for the same route: the old one goes.
    let three = free();
    world.say(route("one", three, false)).await;
    assert_eq!(get(three, "/").await.expect("an answer").text(), "blue");
    gone(one).await;
    world.say(Command::Remove { route: "two".into() }).await;
    gone(two).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").status, 404, "not the others");
}

/// Waits until nobody listens there.
async fn gone(address: SocketAddr) {
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, closed).await.expect("an end");
}

async fn a_socket_that_a_route_opened_outlives_the_front() {
    let (world, blue, address) = (World::new().await, good("blue").await, free());
    world.say(route("one", address, false)).await;
    flip(&world, "one", blue.address).await;
    Parent::of(world.folder.path()).hold().await.expect("a keeper");
    for _ in 0..3 {
        let pid = world.pid().await;
        kill(pid);
        // Nobody is refused, not even while there is no front.
        assert_eq!(get(address, "/").await.expect("an answer").text(), "blue");
        another(&world, pid).await;
    }
    world.keeper().replace(SOON).await.expect("a replacement");
    assert_eq!(get(address, "/").await.expect("an answer").text(), "blue");
}

async fn what_a_socket_cannot_be_is_refused() {
    let (world, address) = (World::new().await, free());
    world.say(route("one", address, false)).await;
    let refused = world.remote().say(&route("two", address, true)).await.expect_err("a refusal");
    let both = format!("{address} speaks plain HTTP for the route one: it cannot do both");
    assert_eq!(refused.to_string(), both);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let taken = taken.local_addr().map(|address| (taken, address)).expect("an address");
    let refused = world.remote().say(&route("two", taken.1, false)).await.expect_err("a refusal");
    let why = format!("cannot listen on {}: Address already in use", taken.1);
    assert!(refused.to_string().starts_with(&why), "{refused}");
    // Alone on it, a route may have it speak something else.
    assert_eq!(world.say(route("one", address, true)).await, Reply::Done);
    assert!(world.remote().look().await.expect("a look").routes[0].listens);
}

fn certify(folder: &Path) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed(["web.test".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("web.key"), pair.signing_key.serialize_pem()).expect("a file");
    std::fs::write(folder.join("web.pem"), pair.cert.pem()).expect("a file");
    pair.cert.der().clone()
}

/// Returns what is shown to a client that trusts this certificate alone.
async fn trusts(address: SocketAddr, certificate: &CertificateDer<'static>) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("web.test").expect("a name");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_ok()
}

async fn a_certificate_whose_files_change_is_taken_up_while_connections_stand() {
    let world = World::new().await;
    let folder = world.folder.path();
    let first = certify(folder);
    let (certificate, key) = (folder.join("web.pem"), folder.join("web.key"));
    let names = vec!["web.test".to_owned()];
    world.say(Command::Certificate { at: None, names, certificate, key }).await;
    assert!(trusts(world.tls, &first).await);
    // A key that fits nothing changes nothing.
    std::fs::write(folder.join("web.key"), "no key").expect("a file");
    sleep(Duration::from_millis(1_200)).await;
    assert!(trusts(world.tls, &first).await);
    let second = certify(folder);
    let renewed = async {
        while !trusts(world.tls, &second).await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, renewed).await.expect("the new certificate");
}

async fn one_name_has_a_certificate_of_its_own_at_each_address() {
    let world = World::new().await;
    let mut served = vec![];
    for name in ["site", "trial"] {
        let (address, folder) = (free(), world.folder.path().join(name));
        std::fs::create_dir(&folder).expect("a folder");
        let der = certify(&folder);
        let (certificate, key) = (folder.join("web.pem"), folder.join("web.key"));
        let (at, names) = (Some(address), vec!["web.test".to_owned()]);
        assert_eq!(world.say(route(name, address, true)).await, Reply::Done);
        world.say(Command::Certificate { at, names, certificate, key }).await;
        served.push((address, der));
    }
    for (at, (address, der)) in served.iter().enumerate() {
        assert!(trusts(*address, der).await, "its own");
        assert!(!trusts(*address, &served[1 - at].1).await, "not that of the other one");
    }
    let (gone, names) = (Some(served[1].0), vec!["web.test".to_owned()]);
    world.say(Command::Uncertify { at: gone, names }).await;
    assert!(!trusts(served[1].0, &served[1].1).await, "taken away");
    assert!(trusts(served[0].0, &served[0].1).await, "and the other one stays");
}

async fn one_keeper_at_a_time() {
    let world = World::new().await;
    let parent = Parent::of(world.folder.path());
    assert!(parent.is_there());
    let second = || plan(world.folder.path(), Settings::default());
    assert!(Keeper::start_unless_kept(second()).await.expect("an answer").is_none());
    let pid = world.pid().await;
    let next = Keeper::start(second()).await.expect("it takes the front over");
    timeout(SOON, world.keeper().ended()).await.expect("the first one leaves");
    assert_eq!(world.pid().await, pid, "the same front");
    assert!(parent.is_there());
    parent.stop(SOON).await.expect("an end");
    timeout(SOON, next.ended()).await.expect("an end");
    assert!(world.remote().look().await.is_err());
}
