//! `front.route` and services with sides, as the engine uses them: with a real front before them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use front::{Command, CutOver, Remote, Reply};
use model::{Change, Fault, Found, Object};
use tokio::time::sleep;

use crate::life::{Life, is_made_once};
use crate::place::{eventually, kill, wait};
use crate::roles::SERVE;
use crate::service::{Project, told};
use crate::suite::tests;

tests![
    a_route_is_made_changed_read_and_ended,
    a_route_is_made_once,
    a_route_that_nobody_serves_is_seen_and_served_again,
    a_new_version_takes_the_side_that_nobody_is_routed_to,
    what_is_held_against_a_place_is_not_held_against_who_comes_there_anew,
    a_version_that_does_not_get_ready_leaves_the_others_as_they_are,
    a_service_with_sides_is_made_once_and_goes_with_both,
    a_version_that_answers_with_errors_is_taken_back_and_kept_out,
    a_run_that_died_after_the_flip_finds_it,
    what_a_route_cannot_be_is_refused_with_who_is_in_the_way,
    a_certificate_is_served_and_one_that_has_ended_is_not,
    a_route_that_sends_everybody_on_is_made_once_and_may_lead_to_a_service_again,
];

/// A project whose front goes with it.
pub(crate) struct Routed {
    pub(crate) project: Project,
    /// Where the front listens.
    pub(crate) address: SocketAddr,
}

impl Routed {
    fn new() -> Self {
        Self { project: Project::new(), address: free() }
    }

    fn front(&self) -> PathBuf {
        self.project.lab.context.site.home.join("front")
    }

    fn remote(&self) -> Remote {
        Remote::of(&self.front()).expect("a remote")
    }

    fn service(&self) -> Life<'_> {
        Life::of(&self.project.lab, "process.service")
    }

    fn route(&self) -> Life<'_> {
        Life::of(&self.project.lab, "front.route")
    }

    /// The keys of a service with sides: each version says its name in a folder of its own.
    fn web(&self, version: &str) -> String {
        let exe = std::env::current_exe().expect("this executable");
        let folder = self.project.lab.place(version);
        fs::create_dir_all(&folder).expect("a folder");
        format!(
            "{{ command: ['{}', '{SERVE}', '{}'], ports: {}, sides: true, \
             health: {{ http: /health, interval: 50ms }}, ready_within: 3s, stop_timeout: 1s }}",
            exe.display(),
            folder.display(),
            self.project.range()
        )
    }

    /// The keys of a route to a service.
    fn to(&self, service: &Object, more: &str) -> String {
        let (to, version) = (service.text("address"), service.text("version"));
        let address = self.address;
        format!("{{ listen: '{address}', to: '{to}', version: '{version}', watch: 100ms {more} }}")
    }

    /// Has a version answer with a status.
    fn answers(&self, version: &str, status: &str) {
        fs::write(self.project.lab.place(version).join("status"), status).expect("a file");
    }

    /// Asks the front once.
    fn get(&self) -> u16 {
        get(self.address).unwrap_or_else(|| panic!("nobody answers at {}", self.address))
    }
}

impl Drop for Routed {
    fn drop(&mut self) {
        if let Ok(mut keeper) = UnixStream::connect(self.front().join("keeper.sock")) {
            let _ = keeper.set_read_timeout(Some(Duration::from_secs(20)));
            let _ = keeper.write_all(b"{\"stop\":{\"deadline_ms\":0}}\n");
            let _ = keeper.read(&mut [0; 64]);
        }
    }
}

/// An address that nobody has.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("an address")
}

/// The status of an answer.
fn get(address: SocketAddr) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n").ok()?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard).ok()?;
    heard.get(9..12)?.parse().ok()
}

fn a_route_is_made_changed_read_and_ended() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        let first = world.to(&one, "");
        let two = world.service().update(&world.web("v2"), &one).await.expect("a service");
        let second = world.to(&two, ", path: /, hosts: [shop.test], max_body: 1MiB");
        // `front.route`, by its name in full.
        let life = Life::of(&world.project.lab, "front.route");
        life.runs(&first, &second).await;
        assert!(TcpStream::connect(world.address).is_err(), "nobody listens any more");
        eventually("the front has ended", || {
            UnixStream::connect(world.front().join("control.sock")).is_err()
        });
    });
}

fn a_route_is_made_once() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        let made = is_made_once(&world.route(), &world.to(&one, "")).await;
        assert_eq!(made.text("url"), format!("http://{}/", world.address));
        assert_eq!(world.get(), 200);
    });
}

fn a_route_that_nobody_serves_is_seen_and_served_again() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        let keys = world.to(&one, "");
        let made = world.route().create(&keys).await.expect("a route");
        let front = world.remote().look().await.expect("a look").pid.cast_signed();
        let keeper = parent_of(front);
        kill(keeper);
        let unkept = async {
            // It may take a moment until who was killed is gone.
            loop {
                let seen = world.route().read(&keys, &made).await.expect("a look");
                if seen.expect("a route").text("state") == "unkept" {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), unkept).await.expect("unkept");
        kill(front);
        let gone = world.route().read(&keys, &made).await.expect("a look").expect("a route");
        assert_eq!((gone.text("state"), gone.text("to")), ("stopped", made.text("to")));
        assert_eq!(world.route().differing(&keys, &gone), ["state"]);
        let again = world.route().update(&keys, &gone).await.expect("a route");
        assert_eq!(again.text("state"), "running");
        assert_eq!(world.get(), 200);
    });
}

fn parent_of(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let (_, rest) = stat.rsplit_once(") ").expect("a name");
    rest.split(' ').nth(1).and_then(|parent| parent.parse().ok()).expect("a parent")
}

fn a_new_version_takes_the_side_that_nobody_is_routed_to() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        assert_eq!((one.text("side"), one.text("older_version")), ("blue", ""));
        world.route().create(&world.to(&one, "")).await.expect("a route");
        let two = world.service().update(&world.web("v2"), &one).await.expect("a service");
        assert_eq!((two.text("side"), two.text("older_address")), ("green", one.text("address")));
        // Nobody was changed over to it: the next version takes its place, not that of the one that serves.
        let three = world.service().update(&world.web("v3"), &two).await.expect("a service");
        assert_eq!(
            (three.text("side"), three.text("older_version")),
            ("green", one.text("version"))
        );
        world.answers("v1", "201");
        assert_eq!(world.get(), 201, "the first one serves");
        let keys = world.to(&three, "");
        let route = world.route().update(&keys, &route_of(&world).await).await.expect("a cutover");
        assert_eq!(route.text("outcome"), "held");
        assert_eq!(route.text("previous_version"), one.text("version"));
        assert_eq!((route.text("served"), route.text("lost")), ("1", "0"));
        assert_eq!(world.get(), 200);
        let four = world.service().update(&world.web("v4"), &three).await.expect("a service");
        assert_eq!(
            (four.text("side"), four.text("older_version")),
            ("blue", three.text("version"))
        );
        // Where the version before stood is another one by now: nobody goes back to it.
        let seen = route_of(&world).await;
        assert_eq!(seen, route, "a route does not change by what is done elsewhere");
        let back = world.to(&one, ", for_good: true");
        let refused = world.route().update(&back, &seen).await.expect_err("no way back");
        let said = format!("{} does not stand by any more", one.text("version"));
        assert_eq!(refused.message, said);
        let tree = world.project.lab.tree(&back);
        let foreseen = world.route().foresee(Change::Update(&tree, &seen)).await.expect_err("no");
        assert_eq!(foreseen.message, said);
        // Rules alone are taken over where it runs.
        let other = world.web("v4").replace("stop_timeout: 1s", "stop_timeout: 2s");
        let same = world.service().update(&other, &four).await.expect("a service");
        assert_eq!((same.text("side"), same.text("version")), ("blue", four.text("version")));
        // Both are routed to: no side is free, and none is taken.
        let also = CutOver {
            route: "other".into(),
            version: "4".into(),
            targets: vec![four.text("address").parse().expect("an address")],
            token: "t".into(),
            ..CutOver::default()
        };
        let spec = front::RouteSpec {
            name: "other".into(),
            prefix: "/other".into(),
            ..front::RouteSpec::default()
        };
        let remote = world.remote();
        assert_eq!(remote.say(&Command::Put(spec)).await.expect("a route"), Reply::Done);
        remote.say(&Command::CutOver(also)).await.expect("a flip");
        let fault = world.service().update(&world.web("v5"), &same).await.expect_err("no side");
        let said = "both sides are routed to: blue by other, green by lab/thing";
        assert_eq!(fault.message, said);
    });
}

/// The route as it is seen now.
async fn route_of(world: &Routed) -> Object {
    let known = Object::new("lab/thing", []);
    let keys = format!("{{ listen: '{}', to: '127.0.0.1:1' }}", world.address);
    world.route().read(&keys, &known).await.expect("a look").expect("a route")
}

fn what_is_held_against_a_place_is_not_held_against_who_comes_there_anew() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        world.route().create(&world.to(&one, "")).await.expect("a route");
        // Of services that are gone.
        let own: SocketAddr = one.text("address").parse().expect("an address");
        for port in world.project.ports.clone().filter(|port| *port != own.port()) {
            let (address, why) = ((own.ip(), port).into(), "it failed its test".to_owned());
            world.remote().say(&Command::Bar { address, why }).await.expect("a bar");
        }
        let two = world.service().update(&world.web("v2"), &one).await.expect("a service");
        let keys = world.to(&two, "");
        world.route().update(&keys, &route_of(&world).await).await.expect("a cutover");
        // Who stands there still is kept away, whatever is asked, but for who is pardoned.
        let (address, why) = (own, "it failed its test".to_owned());
        world.remote().say(&Command::Bar { address, why }).await.expect("a bar");
        let seen = route_of(&world).await;
        let refused = world.route().update(&world.to(&one, ""), &seen).await.expect_err("barred");
        let said = format!("{} is kept away since ", one.text("version"));
        assert!(refused.message.starts_with(&said), "{refused}");
        let pardon = format!(", pardon: '{}'", one.text("version"));
        world.route().update(&world.to(&one, &pardon), &seen).await.expect("a cutover");
        assert_eq!(world.get(), 200);
    });
}

fn a_version_that_does_not_get_ready_leaves_the_others_as_they_are() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        world.route().create(&world.to(&one, "")).await.expect("a route");
        let bad = world.web("v2");
        world.answers("v2", "503");
        let fault = world.service().update(&bad, &one).await.expect_err("not ready");
        let said = told(&fault);
        let goes_on = format!("the version before ({}) goes on", one.text("version"));
        assert!(said.contains("not healthy after 3 s") && said.contains(&goes_on), "{said}");
        let read = world.service().read(&bad, &one).await.expect("a look").expect("a service");
        assert_eq!(read, one);
        assert_eq!(world.get(), 200);
    });
}

fn a_service_with_sides_is_made_once_and_goes_with_both() {
    wait(async {
        let world = Routed::new();
        let life = world.service();
        let made = is_made_once(&life, &world.web("v1")).await;
        life.is_as_applied(&world.web("v1"), &made).await;
        let two = life.update(&world.web("v2"), &made).await.expect("a service");
        life.is_as_applied(&world.web("v2"), &two).await;
        assert_eq!(world.project.processes().len(), 2);
        life.ends(&world.web("v2"), &two).await;
        eventually("nothing runs any more", || world.project.processes().is_empty());
    });
}

fn a_version_that_answers_with_errors_is_taken_back_and_kept_out() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        let made = world.route().create(&world.to(&one, "")).await.expect("a route");
        let two = world.service().update(&world.web("v2"), &one).await.expect("a service");
        let keys = world.to(&two, "").replace("watch: 100ms", "watch: 30s");
        let address = world.address;
        world.answers("v2", "500");
        // The front asks whether it can be connected to, which it can.
        let load = std::thread::spawn(move || {
            std::iter::repeat_with(|| get(address))
                .take_while(|status| *status != Some(500))
                .count()
        });
        let hammer = std::thread::spawn(move || {
            let begun = std::time::Instant::now();
            let mut bad = 0;
            while bad < 40 && begun.elapsed() < Duration::from_secs(20) {
                bad += u64::from(get(address) == Some(500));
                if bad > 0 && get(address) == Some(200) {
                    break;
                }
            }
            bad
        });
        let fault = world.route().update(&keys, &made).await.expect_err("it goes");
        let (_, bad) = (load.join().expect("a load"), hammer.join().expect("a load"));
        assert!(bad > 0);
        let said = told(&fault);
        let begun = format!("{} was taken back: ", two.text("version"));
        assert!(said.starts_with(&begun) && said.contains("500 or more"), "{said}");
        assert_eq!(world.get(), 200);
        let read = route_of(&world).await;
        assert_eq!(read.text("version"), one.text("version"));
        assert!(read.text("outcome").starts_with("reverted: "), "{read:?}");

        let tree = world.project.lab.tree(&keys);
        let refused = world.route().foresee(Change::Update(&tree, &read)).await.expect_err("no");
        let said = told(&refused);
        let begun = format!("{} is in quarantine since 20", two.text("version"));
        assert!(said.starts_with(&begun), "{said}");
        assert!(said.contains(&format!("say `pardon: {}` there", two.text("version"))), "{said}");
        let refused = world.route().update(&keys, &read).await.expect_err("nor applied");
        assert!(refused.message.starts_with(&begun), "{refused}");
        world.answers("v2", "200");
        let pardoned = world.to(&two, &format!(", pardon: '{}'", two.text("version")));
        let tree = world.project.lab.tree(&pardoned);
        assert_eq!(world.route().foresee(Change::Update(&tree, &read)).await, Ok(None));
        let held = world.route().update(&pardoned, &read).await.expect("a cutover");
        assert_eq!((held.text("outcome"), held.text("version")), ("held", two.text("version")));

        // And back again, for good.
        let back = (world.route().kind.back)(&held).expect("a way back");
        assert_eq!(back["version"].as_text(), Some(one.text("version")));
        let to = format!(
            "{{ listen: '{}', to: ['{}'], version: '{}', for_good: true, watch: 100ms }}",
            world.address,
            one.text("address"),
            one.text("version")
        );
        let left = world.route().update(&to, &held).await.expect("a rollback");
        assert_eq!((world.route().kind.back)(&left), None, "what was left does not come again");
        let tree = world.project.lab.tree(&world.to(&two, ""));
        let refused = world.route().foresee(Change::Update(&tree, &left)).await.expect_err("no");
        assert!(refused.message.ends_with("it was left by a rollback"), "{refused}");
    });
}

fn a_run_that_died_after_the_flip_finds_it() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        let made = world.route().create(&world.to(&one, "")).await.expect("a route");
        let two = world.service().update(&world.web("v2"), &one).await.expect("a service");
        let keys = world.to(&two, "").replace("watch: 100ms", "watch: 1s");
        let (tree, token) = (world.project.lab.tree(&keys), world.project.lab.token());
        let found = world.route().find(Change::Update(&tree, &made), &token).await;
        assert_eq!(found, Found::Nothing, "not begun");
        let flipped = async {
            while route_of(&world).await.text("version") != two.text("version") {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let route = world.route();
        tokio::select! {
            made = route.apply(Change::Update(&tree, &made), &token) => panic!("too soon: {made:?}"),
            () = flipped => {}
        }
        let Found::Done(Some(found)) = route.find(Change::Update(&tree, &made), &token).await
        else {
            panic!("it is not found")
        };
        assert_eq!((found.text("outcome"), found.text("version")), ("held", two.text("version")));
        world.route().is_as_applied(&keys, &found).await;
    });
}

fn what_a_route_cannot_be_is_refused_with_who_is_in_the_way() {
    wait(async {
        let world = Routed::new();
        let (life, one) = (world.route(), world.service().create(&world.web("v1")).await);
        let one = one.expect("a service");
        let refused = async |keys: &str| -> [String; 2] {
            let tree = world.project.lab.tree(keys);
            let said = |fault: Fault| told(&fault).trim_end().to_owned();
            let foreseen = life.foresee(Change::Create(&tree)).await.expect_err("a refusal");
            [said(foreseen), said(life.create(keys).await.expect_err("a refusal"))]
        };
        let taken = TcpListener::bind(world.address).expect("a socket");
        let me = std::process::id();
        for said in refused(&world.to(&one, "")).await {
            let begun = format!("port {} is taken by ", world.address.port());
            assert!(said.starts_with(&begun) && said.contains(&format!("(pid {me})")), "{said}");
            assert!(said.contains("end that, or give this route another port"), "{said}");
        }
        drop(taken);
        let nobody = format!(
            "{{ listen: '{}', to: '{}', version: one, ready_within: 100ms }}",
            world.address,
            free()
        );
        let fault = life.create(&nobody).await.expect_err("nobody is there");
        assert!(
            fault.message.starts_with("one does not come: no target is in health: "),
            "{fault}"
        );
        let absent = "tls: { certificate: absent.pem, key: absent.key }";
        let absent = world.to(&one, &format!(", {absent}"));
        let tree = world.project.lab.tree(&absent);
        let foreseen = life.foresee(Change::Create(&tree)).await.expect("no refusal");
        let says = "`tls` needs absent.pem and absent.key, which are not there yet";
        assert_eq!(foreseen.as_deref(), Some(says));
        let fault = life.create(&absent).await.expect_err("no file");
        assert!(fault.message.contains("absent.pem cannot be served"), "{fault}");
        assert!(world.remote().look().await.is_err(), "a front that routes nothing is not left");
        assert!(TcpStream::connect(world.address).is_err(), "nothing of it is left");
        // Another block, with the same requests.
        let spec = front::RouteSpec {
            name: "shop/other".into(),
            listen: Some(front::Bind { address: world.address, tls: false }),
            hosts: vec!["shop.test".into()],
            prefix: "/".into(),
            ..front::RouteSpec::default()
        };
        let fine = world.to(&one, "");
        let made = life.create(&fine).await.expect("a route");
        world.remote().say(&Command::Put(spec)).await.expect("a route");
        life.delete(&fine, &made).await.expect("an end");
        for said in refused(&world.to(&one, ", hosts: [shop.test]")).await {
            let wanted = format!(
                "shop/other takes requests for shop.test with / at {} already",
                world.address
            );
            assert!(said.starts_with(&wanted), "{said}");
        }
        let both = world.to(&one, ", hosts: [a.test], tls: { certificate: c.pem, key: c.key }");
        certificate(&world, 1);
        let fault = life.create(&both).await.expect_err("a refusal");
        let wanted = format!(
            "{} speaks plain HTTP for the route shop/other: it cannot do both",
            world.address
        );
        assert_eq!(fault.message, wanted);
    });
}

/// Writes `c.pem` and `c.key`, which end so many days after the lab's clock stands.
fn certificate(world: &Routed, days: i64) {
    let mut asked = rcgen::CertificateParams::new(["shop.test".to_owned()]).expect("a name");
    let now = world.project.lab.context.site.clock.now();
    let now = now.duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs().cast_signed();
    let day = |days: i64| {
        let time = jiff::Timestamp::from_second(now + days * 86_400).expect("a time");
        let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day) = (date.month().cast_unsigned(), date.day().cast_unsigned());
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    (asked.not_before, asked.not_after) = (day(days - 10), day(days));
    let key = rcgen::KeyPair::generate().expect("a key");
    let signed = asked.self_signed(&key).expect("a certificate");
    world.project.lab.write("c.pem", signed.pem());
    world.project.lab.write("c.key", key.serialize_pem());
}

fn a_certificate_is_served_and_one_that_has_ended_is_not() {
    wait(async {
        let world = Routed::new();
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        let keys = world.to(&one, ", hosts: [shop.test], tls: { certificate: c.pem, key: c.key }");
        let fault = world.route().create(&keys).await.expect_err("no file");
        assert!(fault.message.contains("c.pem cannot be served: "), "{fault}");
        certificate(&world, -1);
        let tree = world.project.lab.tree(&keys);
        let fault = world.route().foresee(Change::Create(&tree)).await.expect_err("a refusal");
        assert!(fault.message.contains("c.pem ended on 20"), "{fault}");
        world.project.lab.write("c.pem", "no certificate");
        let fault = world.route().create(&keys).await.expect_err("a refusal");
        assert!(fault.message.ends_with("c.pem holds no certificate"), "{fault}");
        certificate(&world, 30);
        let made = world.route().create(&keys).await.expect("a route");
        world.route().is_as_applied(&keys, &made).await;
        let port = world.address.port();
        assert_eq!(made.text("url"), format!("https://shop.test:{port}/"));
        assert_eq!(get(world.address), None, "it speaks TLS alone");
        world.route().ends(&keys, &made).await;
    });
}

fn a_route_that_sends_everybody_on_is_made_once_and_may_lead_to_a_service_again() {
    wait(async {
        let world = Routed::new();
        let address = world.address;
        let on = format!("{{ listen: '{address}', redirect: https }}");
        let made = is_made_once(&world.route(), &on).await;
        assert_eq!((made.text("version"), made.text("redirect")), ("redirect to https", "https"));
        assert_eq!(world.get(), 308);
        let other = format!("{{ listen: '{address}', redirect: 'https:8443' }}");
        let made = world.route().update(&other, &made).await.expect("another port");
        assert_eq!(made.text("previous_version"), "redirect to https");
        assert_eq!((made.text("served"), made.text("lost")), ("1", "0"));
        assert_eq!(made.get("previous_to"), &model::Value::Null);
        assert_eq!(world.route().differing(&other, &made), [""; 0]);
        let one = world.service().create(&world.web("v1")).await.expect("a service");
        let to =
            world.to(&one, ", timeouts: { answer: 5s }, trusted_proxies: [10.0.0.0/8, 192.0.2.7]");
        let routed = world.route().update(&to, &made).await.expect("a cutover");
        assert_eq!((world.get(), routed.text("to")), (200, one.text("address")));
        let look = world.remote().look().await.expect("a look");
        let timeouts = &look.routes[0].spec.timeouts;
        assert_eq!((timeouts.answer_ms, timeouts.stall_ms), (Some(5_000), None));
        let trusted: Vec<String> =
            look.routes[0].spec.trusted.iter().map(ToString::to_string).collect();
        assert_eq!(trusted, ["10.0.0.0/8", "192.0.2.7/32"]);
        let back = world.route().update(&on, &routed).await.expect("a change of office");
        assert_eq!((world.get(), back.text("served")), (308, "1"));
    });
}
