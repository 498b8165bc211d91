//! Cutovers under load: the old side is killed as soon as its receipt is there, and clients never retry.

use std::time::Duration;

use front::Counts;
use tokio::time::sleep;

use crate::backend::good;
use crate::http2::certificate;
use crate::load::Load;
use crate::suite::tests;
use crate::world::{SOON, World};

tests![
    flips_under_load_lose_nothing,
    replacements_through_a_pause_lose_nothing,
    a_side_that_is_killed_before_the_flip_loses_as_much_as_clients_count,
];

/// Adds up.
fn sum(counts: &mut Counts, more: &Counts) {
    *counts = counts.plus(more);
}

async fn flips_under_load_lose_nothing() {
    let world = World::new().await;
    let mut old = good("side").await;
    world.route(&[old.address]).await;
    let load = Load::begin(world.plain).await;
    load.tunnel(world.plain);
    let (command, trusted) = certificate(world.folder.path(), "web", "web.test");
    world.say(command).await;
    load.encrypt(world.tls, "web.test", &trusted);
    let mut total = Counts::default();
    for round in 0..25 {
        sleep(Duration::from_millis(30)).await;
        let new = good("side").await;
        let term = world.flip(&format!("v{round}"), &[new.address]).await.expect("a relieved term");
        let receipt = world.drain(term, SOON).await;
        assert!(receipt.counts.requests() > 0, "each term does something");
        sum(&mut total, &receipt.counts);
        // It dies as soon as its receipt is there.
        old = new;
    }
    load.end().await;
    sum(&mut total, &world.counts().await);
    drop(old);
    assert_eq!(
        load.lost.get(),
        0,
        "clients: {} answered; receipts: {total:?}",
        load.answered.get()
    );
    assert_eq!((total.served, total.lost, total.gone), (load.answered.get(), 0, 0), "{total:?}");
    assert!(total.tunnels > 10, "{total:?}");
}

async fn replacements_through_a_pause_lose_nothing() {
    let world = World::new().await;
    let mut side_in_office = good("side").await;
    world.route(&[side_in_office.address]).await;
    let load = Load::begin(world.plain).await;
    load.tunnel(world.plain);
    let mut total = Counts::default();
    for round in 0..5 {
        sleep(Duration::from_millis(30)).await;
        let term = world.pause().await;
        sum(&mut total, &world.drain(term, SOON).await.counts);
        drop(side_in_office);
        side_in_office = good("side").await;
        assert_eq!(world.flip(&format!("v{round}"), &[side_in_office.address]).await, None);
    }
    load.end().await;
    sum(&mut total, &world.counts().await);
    assert_eq!((load.lost.get(), total.lost), (0, 0), "{total:?}");
    assert_eq!(total.served, load.answered.get());
}

async fn a_side_that_is_killed_before_the_flip_loses_as_much_as_clients_count() {
    let world = World::new().await;
    let mut old = good("side").await;
    world.route(&[old.address]).await;
    let load = Load::begin(world.plain).await;
    let mut total = Counts::default();
    for round in 0..10 {
        sleep(Duration::from_millis(50)).await;
        let new = good("side").await;
        drop(old);
        let term = world.flip(&format!("v{round}"), &[new.address]).await.expect("a relieved term");
        sum(&mut total, &world.drain(term, SOON).await.counts);
        old = new;
    }
    load.end().await;
    sum(&mut total, &world.counts().await);
    assert!(load.lost.get() > 0, "something is lost");
    assert_eq!(
        (total.served, total.lost + total.gone),
        (load.answered.get(), load.lost.get()),
        "{total:?}"
    );
    assert_eq!(total.gone, 0, "and none of it is the clients' doing: {total:?}");
}
