//! Targets out of health get no new requests.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use front::{Command, Counts, Reply};
use tokio::time::{sleep, timeout};

use crate::backend::{Backend, good, head, rude, say};
use crate::client::get;
use crate::process::{another, kill};
use crate::suite::tests;
use crate::world::{SOON, World, check};

tests![
    a_target_out_of_health_gets_no_requests_until_it_is_back,
    without_a_target_in_health_requests_are_lost,
    a_target_is_checked_by_connecting_to_it,
    a_flip_waits_for_a_target_in_health,
    another_check_relieves_nobody,
];

/// A backend whose `/health` has the status of the cell, and that answers anything else.
async fn moody(status: &Rc<Cell<u16>>, name: &'static str) -> Backend {
    let status = status.clone();
    rude(move |mut stream, _| {
        let status = status.clone();
        async move {
            while let Some(asked) = head(&mut stream).await {
                let code = if asked.starts_with("GET /health ") { status.get() } else { 200 };
                let length = name.len();
                say(
                    &mut stream,
                    format!("HTTP/1.1 {code} X\r\ncontent-length: {length}\r\n\r\n{name}"),
                )
                .await;
            }
        }
    })
    .await
}

/// Waits until the first target's health is so.
async fn until(world: &World, healthy: bool) {
    let seen = async {
        loop {
            let look = world.remote().look().await.expect("a look");
            if look.routes[0].targets[0].healthy == healthy {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, seen).await.expect("the health that was waited for");
}

async fn a_target_out_of_health_gets_no_requests_until_it_is_back() {
    let world = World::new().await;
    let status = Rc::new(Cell::new(200));
    let (sick, well) = (moody(&status, "sick").await, good("well").await);
    world.put(|spec| spec.check = Some(check(Some("/health")))).await;
    world.flip("one", &[sick.address, well.address]).await;
    status.set(500);
    until(&world, false).await;
    let look = world.remote().look().await.expect("a look");
    assert_eq!(look.routes[0].targets[0].said.as_deref(), Some("GET /health → 500"));
    for _ in 0..6 {
        assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "well");
    }
    status.set(204);
    until(&world, true).await;
    let mut seen = 0;
    for _ in 0..6 {
        seen += usize::from(get(world.plain, "/").await.expect("an answer").text() == "sick");
    }
    assert_eq!(seen, 3, "every second one");
}

async fn without_a_target_in_health_requests_are_lost() {
    let world = World::new().await;
    let status = Rc::new(Cell::new(200));
    let sick = moody(&status, "sick").await;
    world.put(|spec| spec.check = Some(check(Some("/health")))).await;
    world.flip("one", &[sick.address]).await;
    status.set(503);
    until(&world, false).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").status, 503);
    assert_eq!(world.counts().await, Counts { lost: 1, ..Counts::default() });
}

async fn a_target_is_checked_by_connecting_to_it() {
    let (world, backend) = (World::new().await, good("blue").await);
    world.put(|spec| spec.check = Some(check(None))).await;
    world.flip("one", &[backend.address]).await;
    until(&world, true).await;
    drop(backend);
    until(&world, false).await;
}

async fn another_check_relieves_nobody() {
    let world = World::new().await;
    let status = Rc::new(Cell::new(200));
    let backend = moody(&status, "blue").await;
    world.put(|spec| spec.check = Some(check(None))).await;
    world.flip("one", &[backend.address]).await;
    let recheck = |path, ready_ms| Command::Recheck {
        route: "web".into(),
        check: check(Some(path)),
        ready_ms,
    };
    status.set(500);
    let refused = world.remote().say(&recheck("/health", 50)).await.expect_err("a refusal");
    assert!(refused.to_string().starts_with("no target is in health: "), "{refused}");
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "blue", "as before");

    status.set(200);
    assert_eq!(world.say(recheck("/health", 1_000)).await, Reply::Done);
    let looked = world.remote().look().await.expect("a look").routes.remove(0);
    assert_eq!((looked.office.expect("an office").term, looked.open.len()), (1, 0));
    let pid = world.pid().await;
    kill(pid);
    another(&world, pid).await;
    status.set(500);
    until(&world, false).await;
    status.set(200);
    until(&world, true).await;
}

async fn a_flip_waits_for_a_target_in_health() {
    let world = World::new().await;
    let status = Rc::new(Cell::new(200));
    let (blue, green) = (moody(&status, "blue").await, Rc::new(Cell::new(500)));
    world.put(|spec| spec.check = Some(check(Some("/health")))).await;
    world.flip("one", &[blue.address]).await;
    let next = moody(&green, "green").await;
    let flip = |ready_ms| Command::Flip {
        route: "web".into(),
        version: "two".into(),
        targets: vec![next.address],
        ready_ms,
    };
    let refused = world.remote().say(&flip(100)).await.expect_err("a refusal").to_string();
    let expected = format!("no target is in health: {}: GET /health → 500", next.address);
    assert_eq!(refused, expected);
    assert_eq!(
        get(world.plain, "/").await.expect("an answer").text(),
        "blue",
        "nothing has changed"
    );
    let turn = green.clone();
    tokio::task::spawn_local(async move {
        sleep(Duration::from_millis(100)).await;
        turn.set(200);
    });
    world.say(flip(10_000)).await;
    assert_eq!(get(world.plain, "/").await.expect("an answer").text(), "green");
}
