//! `backup.repository` against restic itself.

use model::{Change, Found};

use crate::lab::{Lab, kind};
use crate::life::{Life, is_made_once};
use crate::tools::{here, said};

const KEYS: &str = "{folder: store, password: '${secret.api}'}";

#[tokio::test]
async fn a_repository_is_made_once_found_again_and_only_forgotten() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    let made = is_made_once(&life, KEYS).await;
    life.is_as_applied(KEYS, &made).await;
    assert_eq!(made.text("repository_id").len(), 64);
    assert_eq!(lab.names("store"), ["config", "data", "index", "keys", "locks", "snapshots"]);
    assert_eq!(lab.names("store/keys").len(), 1);
    life.ends(KEYS, &made).await;
    assert_eq!(lab.names(".windlass/backups/repositories"), Vec::<String>::new());
    let again = life.create(KEYS).await.unwrap();
    assert_eq!(again, made, "what it stores is still there");
}

#[tokio::test]
async fn two_that_look_at_once_do_not_end_each_other() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    let made = life.create(KEYS).await.unwrap();
    for _ in 0..3 {
        let (one, other) = tokio::join!(life.read(KEYS, &made), life.read(KEYS, &made));
        assert_eq!((one.unwrap().as_ref(), other.unwrap().as_ref()), (Some(&made), Some(&made)));
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_changes_nothing() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    let made = life.create(KEYS).await.unwrap();
    let before = lab.names("store/keys");
    let wrong = "{folder: store, password: '${secret.db}'}";
    assert_eq!(life.differing(wrong, &made), ["password"]);
    for refused in [life.update(wrong, &made).await, life.create(wrong).await] {
        let fault = refused.unwrap_err();
        assert!(fault.message.starts_with("the password does not open"), "{fault}");
        assert!(fault.help.unwrap().contains("nothing was changed"));
    }
    assert!(life.read(wrong, &made).await.is_err(), "a wrong password is not an absence");
    assert_eq!(lab.names("store/keys"), before);
    assert_eq!(life.read(KEYS, &made).await.unwrap(), Some(made));
}

#[tokio::test]
async fn a_folder_with_something_else_in_it_is_not_touched() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    lab.write("store/letters.txt", "dear");
    let fault = life.create(KEYS).await.unwrap_err();
    assert!(fault.message.contains("holds `letters.txt`, and is no repository"), "{fault}");
    assert_eq!(lab.names("store"), ["letters.txt"]);
}

#[tokio::test]
async fn a_repository_that_is_gone_is_not_silently_begun_anew() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    let made = life.create(KEYS).await.unwrap();
    std::fs::rename(lab.place("store"), lab.place("unmounted")).unwrap();
    assert_eq!(life.read(KEYS, &made).await.unwrap(), None);
    let fault = life.create(KEYS).await.unwrap_err();
    assert!(fault.message.contains("is not there"), "{fault}");
    assert!(!lab.place("store").exists(), "nothing was made");
    life.delete(KEYS, &made).await.unwrap();
    assert_ne!(life.create(KEYS).await.unwrap().text("repository_id"), made.text("repository_id"));
}

#[tokio::test]
async fn one_that_was_half_made_is_made_whole() {
    if !here("restic") {
        return;
    }
    let lab = Lab::new();
    let life = Life::of(&lab, "backup.repository");
    life.create(KEYS).await.unwrap();
    // As after a crash: before restic had written its config, and between two moves.
    for moved in [false, true] {
        std::fs::rename(lab.place("store"), lab.place("draft")).unwrap();
        std::fs::remove_dir_all(lab.place(".windlass/backups")).unwrap();
        std::fs::create_dir(lab.place("store")).unwrap();
        if moved {
            std::fs::rename(lab.place("draft/keys"), lab.place("store/keys")).unwrap();
        } else {
            std::fs::remove_file(lab.place("draft/config")).unwrap();
        }
        std::fs::rename(lab.place("draft"), lab.place("store/.windlass-draft")).unwrap();
        let (tree, token) = (lab.tree(KEYS), lab.token());
        assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Nothing);
        let made = life.create_as(KEYS, &token).await.unwrap();
        life.is_as_applied(KEYS, &made).await;
        assert_eq!(lab.names("store/keys").len(), 1, "one key, and it fits");
    }
}

#[tokio::test]
async fn where_restic_is_missing_it_is_said_how_to_get_it() {
    let lab = Lab::with([("PATH".to_owned(), "/nonexistent".to_owned())].into());
    let fault = Life::of(&lab, "backup.repository").create(KEYS).await.unwrap_err();
    assert_eq!(fault.message, "backups need the program restic, which is not installed");
    assert!(fault.help.unwrap().contains("apt-get install restic"));
}

#[test]
fn keys_that_cannot_be_say_why() {
    let kind = kind("backup.repository");
    let refused = [
        ("{s3: 's3:host/bucket', password: '${secret.api}'}", "without `s3:` before it"),
        ("{folder: x, password: hunter2}", "a secret must not stand in a file"),
        (
            "{folder: x, password: '${secret.api}', environment: {RESTIC_PASSWORD: x}}",
            "`RESTIC_PASSWORD` is given by the other keys",
        ),
    ];
    for (keys, why) in refused {
        assert!(said(&kind, keys).contains(why), "{keys}: {}", said(&kind, keys));
    }
}
