//! `data.*`: values kept and read.

use model::{Change, Found};

use crate::lab::Lab;
use crate::life::Life;

#[tokio::test]
async fn a_value_is_kept_changed_and_forgotten() {
    let lab = Lab::new();
    Life::of(&lab, "data.value").runs("input: one", "input: two").await;
}

#[tokio::test]
async fn a_value_with_a_secret_is_handed_on_as_a_handle() {
    let lab = Lab::new();
    let life = Life::of(&lab, "data.value");
    let made = life.create("input: 'token ${secret.api}'").await.unwrap();
    life.shows_no_secret(&format!("{made:?}"));
    assert_eq!(made.get("output").secrets()[0].0, "api");
    lab.vault.set("api", "rotated-1234");
    assert_eq!(
        life.differing("input: 'token ${secret.api}'", &made),
        ["input"],
        "a rotation shows"
    );
}

#[tokio::test]
async fn a_value_with_a_secret_that_is_not_there_says_how_to_set_it() {
    let lab = Lab::new();
    let life = Life::of(&lab, "data.value");
    let tree = lab.tree("input: 'token ${secret.api}'");
    model::Secrets::forget(&*lab.vault, "api").unwrap();
    let fault = life.apply(Change::Create(&tree), &lab.token()).await.unwrap_err();
    assert_eq!(fault.message, "there is no secret `api`");
    assert_eq!(fault.help.as_deref(), Some("set it: windlass secret set api"));
}

#[tokio::test]
async fn a_value_keeps_its_serial_when_it_changes_and_no_other_has_it() {
    let lab = Lab::new();
    let life = Life::of(&lab, "data.value");
    let (one, other) =
        (life.create("input: a").await.unwrap(), life.create("input: a").await.unwrap());
    assert_ne!(one.get("serial"), other.get("serial"));
    let changed = life.update("input: b", &one).await.unwrap();
    assert_eq!(one.get("serial"), changed.get("serial"));
    let (tree, token) = (lab.tree("input: b"), lab.token());
    assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Nothing);
}
