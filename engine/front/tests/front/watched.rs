//! Changes of office that are watched: a version that is too bad goes, and does not come again.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use front::{
    Bind, Command, CutOver, CutoverStage, Keeper, Look, Looked, Parent, Reply, RouteSpec, Settings,
    Watch,
};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::backend::{Backend, good, head, rude, say};
use crate::client::get;
use crate::process::{another, kill};
use crate::suite::tests;
use crate::world::{SOON, World, check, plan};

tests![
    a_version_that_is_good_stays_and_the_receipt_is_kept,
    a_version_that_answers_with_errors_goes_by_itself_and_does_not_come_again,
    a_version_that_dies_goes_although_nobody_asks,
    a_watch_goes_on_in_the_next_process,
    a_front_that_was_away_to_the_end_of_a_watch_begins_it_again,
    a_version_that_is_not_in_health_never_comes_into_office,
    what_is_bad_on_one_route_goes_on_all,
    who_was_left_for_good_does_not_come_again,
    nobody_changes_over_to_a_place_that_is_barred,
    a_bar_ends_no_service_and_closes_no_way_back,
    a_change_of_office_by_another_hand_ends_the_watch,
    a_disk_that_is_full_keeps_no_bad_version,
];

const WATCH: Watch = Watch { for_ms: 200, max_lost: 0, max_errors_ppm: 10_000 };

fn change(version: &str, target: SocketAddr) -> CutOver {
    CutOver {
        route: "web".into(),
        version: version.into(),
        targets: vec![target],
        token: format!("token of {version}"),
        watch: Some(WATCH),
        ..CutOver::default()
    }
}

async fn cut_over(world: &World, asked: CutOver) -> Option<u64> {
    match world.say(Command::CutOver(asked)).await {
        Reply::Term { relieved, .. } => relieved,
        other => panic!("{other:?}"),
    }
}

async fn look(world: &World) -> Looked {
    world.remote().look().await.expect("a look").routes.remove(0)
}

/// Waits until the watch has ended.
async fn outcome(world: &World) -> Looked {
    let ended = async {
        loop {
            // The front may be on its way back.
            if let Ok(mut look) = world.remote().look().await {
                let looked = look.routes.remove(0);
                let cutover = looked.cutover.as_ref().expect("a cutover");
                if cutover.stage != CutoverStage::Watched {
                    return looked;
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, ended).await.expect("an end of the watch")
}

/// A backend that answers everything with 500.
async fn bad() -> Backend {
    rude(|mut stream, _| async move {
        while head(&mut stream).await.is_some() {
            say(&mut stream, "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno").await;
        }
    })
    .await
}

/// A world with a version in office.
async fn world(target: SocketAddr) -> World {
    let world = World::new().await;
    world.put(|_| {}).await;
    assert_eq!(cut_over(&world, change("one", target)).await, None);
    assert_eq!(look(&world).await.cutover.expect("a cutover").stage, CutoverStage::Held);
    world
}

async fn a_version_that_is_good_stays_and_the_receipt_is_kept() {
    let (one, two) = (good("one").await, good("two").await);
    let world = world(one.address).await;
    for _ in 0..3 {
        get(world.plain, "/").await.expect("an answer");
    }
    let begun = look(&world).await.busy;
    assert_eq!(begun, [one.address]);
    // Long enough for what is looked at meanwhile, also on a machine with other work.
    let watch = Watch { for_ms: 3_000, ..WATCH };
    let change = || CutOver { watch: Some(watch), ..change("two", two.address) };
    assert_eq!(cut_over(&world, change()).await, Some(1));
    // The answer may have been lost: asked again, it is the same.
    assert_eq!(cut_over(&world, change()).await, Some(1));
    assert!(look(&world).await.busy.contains(&one.address), "it may have to come back");
    get(world.plain, "/").await.expect("an answer");
    let looked = outcome(&world).await;
    assert_eq!(looked.busy, [two.address]);
    let cutover = looked.cutover.expect("a cutover");
    assert_eq!((cutover.stage, cutover.seen.served, cutover.term), (CutoverStage::Held, 1, 2));
    let receipt = cutover.receipt.expect("a receipt");
    assert_eq!((receipt.version.as_str(), receipt.counts.served), ("one", 3));
}

async fn a_version_that_answers_with_errors_goes_by_itself_and_does_not_come_again() {
    let (one, two) = (good("one").await, bad().await);
    let world = world(one.address).await;
    let (address, stop) = (world.plain, Rc::new(Cell::new(false)));
    let seen = stop.clone();
    let load = spawn_local(async move {
        while !seen.get() {
            get(address, "/").await.expect("an answer");
        }
    });
    let slow = Watch { for_ms: 60_000, ..WATCH };
    cut_over(&world, CutOver { watch: Some(slow), ..change("two", two.address) }).await;
    let looked = outcome(&world).await;
    let office = looked.office.expect("somebody in office");
    assert_eq!((office.version.as_str(), office.term), ("one", 3));
    let CutoverStage::Reverted { why } = looked.cutover.expect("a cutover").stage else {
        panic!("it stayed")
    };
    assert!(why.contains("requests were answered with 500 or more"), "{why}");
    assert_eq!(looked.quarantined[0].version, "two");
    stop.set(true);
    load.await.expect("no loss");
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "one");

    let again = CutOver { token: "another".into(), ..change("two", two.address) };
    let pid = world.pid().await;
    kill(pid);
    another(&world, pid).await;
    let refused = world.remote().say(&Command::CutOver(again.clone())).await.expect_err("no");
    assert!(refused.to_string().starts_with("two is in quarantine: "), "{refused}");
    let pardon = Command::Pardon { route: "web".into(), version: "two".into() };
    assert_eq!(world.say(pardon).await, Reply::Done);
    assert_eq!(cut_over(&world, again).await, Some(3));
}

async fn a_disk_that_is_full_keeps_no_bad_version() {
    let (one, two) = (good("one").await, bad().await);
    let world = world(one.address).await;
    let slow = Watch { for_ms: 60_000, ..WATCH };
    cut_over(&world, CutOver { watch: Some(slow), ..change("two", two.address) }).await;
    // Nothing can be written under this name any more.
    let pid = world.pid().await;
    let in_the_way = world.folder.path().join(format!("front.json.{pid}"));
    std::fs::create_dir(&in_the_way).expect("a folder");
    for _ in 0..25 {
        get(world.plain, "/").await.expect("an answer");
    }
    let looked = outcome(&world).await;
    assert_eq!(looked.office.expect("somebody in office").version, "one");
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "one");
    // There is room again, and what was done is kept.
    std::fs::remove_dir(&in_the_way).expect("no folder");
    let kept = async {
        let is_kept = |look: &Look| !look.routes[0].quarantined.is_empty();
        while !Look::kept(world.folder.path()).is_ok_and(|look| is_kept(&look)) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, kept).await.expect("the way back on disk");
    kill(pid);
    another(&world, pid).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "one");
    assert_eq!(look(&world).await.quarantined[0].version, "two");
}

async fn a_version_that_dies_goes_although_nobody_asks() {
    let (one, two) = (good("one").await, good("two").await);
    let world = World::new().await;
    world.put(|spec| spec.check = Some(check(None))).await;
    cut_over(&world, CutOver { ready_ms: 1_000, ..change("one", one.address) }).await;
    let slow = Watch { for_ms: 60_000, ..WATCH };
    let asked = CutOver { ready_ms: 1_000, watch: Some(slow), ..change("two", two.address) };
    cut_over(&world, asked).await;
    drop(two);
    let looked = outcome(&world).await;
    assert_eq!(looked.office.expect("somebody in office").version, "one");
    assert_eq!(looked.quarantined[0].why, "none of its targets is in health any more");
}

async fn a_watch_goes_on_in_the_next_process() {
    let (one, two) = (good("one").await, bad().await);
    let world = world(one.address).await;
    let long = Watch { for_ms: 3_000, ..WATCH };
    cut_over(&world, CutOver { watch: Some(long), ..change("two", two.address) }).await;
    let pid = world.pid().await;
    kill(pid);
    another(&world, pid).await;
    for _ in 0..25 {
        get(world.plain, "/").await.expect("an answer");
    }
    let looked = outcome(&world).await;
    assert_eq!(looked.office.expect("somebody in office").version, "one");
    assert_eq!(looked.quarantined[0].version, "two");
}

async fn a_front_that_was_away_to_the_end_of_a_watch_begins_it_again() {
    let (one, two) = (good("one").await, bad().await);
    let mut world = world(one.address).await;
    let short = Watch { for_ms: 1_000, ..WATCH };
    cut_over(&world, CutOver { watch: Some(short), ..change("two", two.address) }).await;
    get(world.plain, "/").await.expect("an answer");
    // Nobody starts it again before the time is over.
    world.dismiss();
    let parent = Parent::of(world.folder.path());
    let dismissed = async {
        while parent.is_there() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, dismissed).await.expect("no keeper");
    kill(world.pid().await);
    sleep(Duration::from_millis(1_100)).await;
    let mut again = plan(world.folder.path(), Settings::default());
    again.binds = vec![Bind { address: world.plain, tls: false }];
    let _keeper = Keeper::start(again).await.expect("a front");
    get(world.plain, "/").await.expect("an answer");
    let looked = outcome(&world).await;
    assert_eq!(looked.office.expect("somebody in office").version, "one");
    assert_eq!(looked.quarantined[0].version, "two");
}

async fn a_version_that_is_not_in_health_never_comes_into_office() {
    let (one, two) = (good("one").await, bad().await);
    let world = World::new().await;
    world.put(|spec| spec.check = Some(check(Some("/health")))).await;
    cut_over(&world, CutOver { ready_ms: 1_000, ..change("one", one.address) }).await;
    let asked = Command::CutOver(CutOver { ready_ms: 100, ..change("two", two.address) });
    let refused = world.remote().say(&asked).await.expect_err("a refusal").to_string();
    assert!(refused.ends_with("GET /health → 500"), "{refused}");
    let looked = look(&world).await;
    assert_eq!(looked.office.expect("somebody in office").version, "one");
    assert_eq!(looked.quarantined, [], "it may get well");
}

async fn what_is_bad_on_one_route_goes_on_all() {
    let (one, two) = (good("one").await, bad().await);
    let world = world(one.address).await;
    for route in ["api", "late"] {
        let hosts = vec![format!("{route}.test")];
        let spec =
            RouteSpec { name: route.into(), prefix: "/".into(), hosts, ..Default::default() };
        world.say(Command::Put(spec)).await;
        cut_over(&world, CutOver { route: route.into(), ..change("one", one.address) }).await;
    }
    let slow = Some(Watch { for_ms: 60_000, ..WATCH });
    let quick = Some(Watch { for_ms: 0, ..WATCH });
    let other = CutOver { route: "api".into(), watch: quick, ..change("two", two.address) };
    cut_over(&world, other).await;
    cut_over(&world, CutOver { watch: slow, ..change("two", two.address) }).await;
    for _ in 0..25 {
        get(world.plain, "/").await.expect("an answer");
    }
    let reverted = async {
        loop {
            let look = world.remote().look().await.expect("a look");
            let version =
                |route: &Looked| route.office.as_ref().map(|office| office.version.clone());
            if look.routes.iter().all(|route| version(route).as_deref() == Some("one")) {
                return look;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let look = timeout(SOON, reverted).await.expect("all go back");
    let api = look.routes.iter().find(|route| route.spec.name == "api").expect("a route");
    assert!(api.quarantined[0].why.starts_with("by the route web: "), "{:?}", api.quarantined);
    // One that comes later does not go there at all.
    let late = CutOver { route: "late".into(), ..change("two", two.address) };
    let refused = world.remote().say(&Command::CutOver(late)).await.expect_err("a refusal");
    assert!(refused.to_string().starts_with("two is in quarantine: "), "{refused}");
}

async fn who_was_left_for_good_does_not_come_again() {
    let (one, two) = (good("one").await, good("two").await);
    let world = world(one.address).await;
    let why = Some("rolled back".to_owned());
    cut_over(&world, CutOver { quarantine: why, ..change("two", two.address) }).await;
    outcome(&world).await;
    let back = Command::CutOver(CutOver { token: "back".into(), ..change("one", one.address) });
    let refused = world.remote().say(&back).await.expect_err("a refusal").to_string();
    assert_eq!(refused, "one is in quarantine: rolled back");
}

async fn nobody_changes_over_to_a_place_that_is_barred() {
    let (one, two) = (good("one").await, good("two").await);
    let world = world(one.address).await;
    let bar = |why: &str| Command::Bar { address: two.address, why: why.into() };
    world.say(bar("its test did not end")).await;
    world.say(bar("its test failed")).await;
    let pid = world.pid().await;
    kill(pid);
    another(&world, pid).await;
    let asked = || change("two", two.address);
    let refused = || async {
        let refused = world.remote().say(&Command::CutOver(asked())).await.expect_err("a refusal");
        assert_eq!(
            refused.to_string(),
            format!("two is kept away from {}: its test failed", two.address)
        );
    };
    refused().await;
    world.say(Command::Admit { address: two.address }).await;
    assert_eq!(world.remote().look().await.expect("a look").barred, []);
    // It goes as well once somebody else is there.
    world.say(bar("its test failed")).await;
    refused().await;
    world.say(Command::Release { address: two.address }).await;
    assert_eq!(cut_over(&world, asked()).await, Some(1));
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "two");
    // Without a route nobody goes anywhere.
    world.say(bar("its test failed")).await;
    world.say(Command::Remove { route: "web".into() }).await;
    assert_eq!(world.remote().look().await.expect("a look").barred, []);
}

async fn a_bar_ends_no_service_and_closes_no_way_back() {
    let (one, two) = (good("one").await, bad().await);
    let world = world(one.address).await;
    world.say(Command::Bar { address: one.address, why: "its test failed".into() }).await;
    // Who is there already may be called otherwise.
    let called = CutOver { watch: None, ..change("one, as it is called now", one.address) };
    cut_over(&world, called).await;
    let slow = Watch { for_ms: 60_000, ..WATCH };
    cut_over(&world, CutOver { watch: Some(slow), ..change("two", two.address) }).await;
    for _ in 0..25 {
        get(world.plain, "/").await.expect("an answer");
    }
    let looked = outcome(&world).await;
    assert_eq!(looked.office.expect("somebody in office").version, "one, as it is called now");
    // Nor one that a person asks for.
    let three = good("three").await;
    cut_over(&world, change("three", three.address)).await;
    outcome(&world).await;
    let back = CutOver { token: "back".into(), ..change("one", one.address) };
    let back = CutOver { quarantine: Some("rolled back".into()), ..back };
    cut_over(&world, back).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "one");
}

async fn a_change_of_office_by_another_hand_ends_the_watch() {
    let (one, two) = (good("one").await, bad().await);
    let world = world(one.address).await;
    let slow = Watch { for_ms: 60_000, ..WATCH };
    cut_over(&world, CutOver { watch: Some(slow), ..change("two", two.address) }).await;
    world.flip("three", &[one.address]).await;
    let looked = outcome(&world).await;
    assert_eq!(looked.cutover.expect("a cutover").stage, CutoverStage::Overtaken);
    assert_eq!(looked.office.expect("somebody in office").version, "three");
}
