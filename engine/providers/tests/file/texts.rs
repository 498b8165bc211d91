//! `file.text` on a real disk.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use model::{Change, Found, Value};

use crate::lab::Lab;
use crate::life::{Life, is_made_once};

#[test]
fn a_path_that_can_only_be_a_folders_is_refused_where_it_stands() {
    let lab = Lab::new();
    let kind = Life::of(&lab, "file.text").kind;
    for path in ["run/", "run/.", "run/x/..", ".", "..", "/"] {
        let why = (kind.fits)(&lab.tree(&format!("{{path: {path}, content: x}}"))).unwrap_err();
        let names_a_folder = "this names a folder, and a file is wanted";
        assert!(why == names_a_folder || why.contains("choose a path"), "{path}: {why}");
    }
}

#[tokio::test]
async fn a_file_is_written_changed_and_removed() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    life.runs(
        "{path: run/a/b.txt, content: one}",
        "{path: run/a/b.txt, content: two, mode: '0600'}",
    )
    .await;
    assert_eq!(lab.names("run/a"), Vec::<String>::new(), "nothing is left beside it");
}

#[tokio::test]
async fn a_file_holds_its_secret_and_nothing_else_does() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let keys = "{path: db.env, content: 'PASSWORD=${secret.db}', mode: '0600'}";
    let made = life.create(keys).await.unwrap();
    assert_eq!(lab.text("db.env"), "PASSWORD=canary&of\"db\" 9026");
    assert!(matches!(made.get("content"), Value::Sealed(_)));
    life.is_as_applied(keys, &made).await;
    lab.write("db.env", "PASSWORD=edited");
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(life.differing(keys, &read), ["content"], "drift shows");
    assert_ne!(read.get("digest"), made.get("digest"));
    lab.vault.set("db", "rotated&9026");
    assert_eq!(life.differing(keys, &made), ["content"], "a rotation shows");
}

#[tokio::test]
async fn a_file_has_its_mode_whatever_the_umask_is() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    for mode in ["0600", "0644", "0666", "0755", "0000", "04755"] {
        let keys = format!("{{path: a-{mode}, content: x, mode: '{mode}'}}");
        life.create(&keys).await.unwrap();
        let there = lab.place(&format!("a-{mode}")).metadata().unwrap().mode() & 0o7777;
        assert_eq!(
            format!("{there:04o}"),
            mode.strip_prefix('0').filter(|m| m.len() == 4).unwrap_or(mode)
        );
    }
}

#[tokio::test]
async fn a_file_is_made_once_and_found_again() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let made = is_made_once(&life, "{path: a.txt, content: x}").await;
    life.ends("{path: a.txt, content: x}", &made).await;
}

#[tokio::test]
async fn what_a_dead_attempt_left_beside_the_file_is_cleared_away() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let (tree, token) = (lab.tree("{path: a.txt, content: new}"), lab.token());
    lab.write(&format!(".windlass-{token}"), "ne");
    assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Nothing);
    assert_eq!(lab.names("."), Vec::<String>::new());
}

#[tokio::test]
async fn an_update_in_doubt_is_found_by_what_stands_there() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let made = life.create("{path: a.txt, content: old}").await.unwrap();
    let (tree, token) = (lab.tree("{path: a.txt, content: new}"), lab.token());
    assert_eq!(life.find(Change::Update(&tree, &made), &token).await, Found::Nothing);
    lab.write("a.txt", "new");
    let Found::Done(Some(found)) = life.find(Change::Update(&tree, &made), &token).await else {
        panic!("it happened");
    };
    assert_eq!(found.text("content"), "new");
}

#[tokio::test]
async fn a_deletion_in_doubt_is_found_by_what_is_gone() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let made = life.create("{path: a.txt, content: x}").await.unwrap();
    let (tree, token) = (lab.tree("{path: a.txt, content: x}"), lab.token());
    assert_eq!(life.find(Change::Delete(Some(&tree), &made), &token).await, Found::Nothing);
    std::fs::remove_file(lab.place("a.txt")).unwrap();
    assert_eq!(life.find(Change::Delete(Some(&tree), &made), &token).await, Found::Done(None));
}

#[tokio::test]
async fn a_file_that_is_there_and_differs_is_not_overwritten() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    lab.write("a.txt", "theirs");
    let fault = life.create("{path: a.txt, content: ours}").await.unwrap_err();
    assert_eq!(fault.message, "a.txt is there already, with another content");
    assert_eq!(
        fault.help.as_deref(),
        Some("`adopt: true` takes it over and changes it; or move it away")
    );
    assert_eq!(lab.text("a.txt"), "theirs");
    life.create("{path: a.txt, content: ours, adopt: true}").await.unwrap();
    assert_eq!(lab.text("a.txt"), "ours");
}

#[tokio::test]
async fn a_file_that_is_there_as_wanted_is_taken_over_untouched() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let place = lab.write("a.txt", "same");
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o644)).unwrap();
    let inode = place.metadata().unwrap().ino();
    life.create("{path: a.txt, content: same}").await.unwrap();
    assert_eq!(place.metadata().unwrap().ino(), inode);
}

#[tokio::test]
async fn a_link_in_its_place_is_replaced_and_what_it_points_to_stays() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let keys = "{path: a.txt, content: ours}";
    let made = life.create(keys).await.unwrap();
    lab.write("elsewhere.txt", "theirs");
    std::fs::remove_file(lab.place("a.txt")).unwrap();
    symlink("elsewhere.txt", lab.place("a.txt")).unwrap();
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(read.text("form"), "a link to elsewhere.txt");
    let changed = life.update(keys, &read).await.unwrap();
    life.is_as_applied(keys, &changed).await;
    assert_eq!(lab.text("elsewhere.txt"), "theirs");
    assert!(lab.place("a.txt").symlink_metadata().unwrap().is_file());
}

#[tokio::test]
async fn a_link_above_it_is_followed() {
    let lab = Lab::new();
    std::fs::create_dir(lab.place("real")).unwrap();
    symlink("real", lab.place("link")).unwrap();
    let life = Life::of(&lab, "file.text");
    life.create("{path: link/a.txt, content: x}").await.unwrap();
    assert_eq!(lab.text("real/a.txt"), "x");
}

#[tokio::test]
async fn a_large_or_binary_file_is_known_by_its_hash_alone() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let text = "x".repeat((1 << 20) + 1);
    let keys = format!("{{path: large, content: {text}}}");
    let made = life.create(&keys).await.unwrap();
    assert_eq!(made.get("content"), &Value::Null);
    assert_eq!(life.differing(&keys, &made), Vec::<&str>::new());
    lab.write("large", [0xff, 0xfe]);
    let read = life.read(&keys, &made).await.unwrap().unwrap();
    assert_eq!(read.get("content"), &Value::Null);
    assert_eq!(life.differing(&keys, &read), ["content"]);
}

#[tokio::test]
async fn many_files_are_read_at_once_in_order() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let known = |number: usize| {
        if !number.is_multiple_of(3) {
            lab.write(&format!("run/{number}"), number.to_string());
        }
        model::Known { id: format!("./run/{number}"), sealed: false, spec: None }
    };
    let known: Vec<_> = (0..200).map(known).collect();
    let found = life.kind.effects.read(&lab.context, &known).await.unwrap();
    for (number, found) in found.iter().enumerate() {
        let found = found.as_ref().unwrap();
        let content = found.as_ref().map(|found| found.text("content").to_owned());
        assert_eq!(content, (!number.is_multiple_of(3)).then(|| number.to_string()));
        assert!(found.as_ref().is_none_or(|found| found.id == format!("run/{number}")));
    }
}

#[tokio::test]
async fn a_folder_in_its_place_is_left_alone() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    lab.write("a/b", "theirs");
    let fault = life.create("{path: a, content: x, adopt: true}").await.unwrap_err();
    assert_eq!(fault.message, "a is a folder");
    assert_eq!(fault.help.as_deref(), Some("remove it, or choose another path"));
    let made = life.create("{path: c, content: x}").await.unwrap();
    std::fs::remove_file(lab.place("c")).unwrap();
    std::fs::create_dir(lab.place("c")).unwrap();
    let fault = life.delete("{path: c, content: x}", &made).await.unwrap_err();
    assert!(fault.message.ends_with("/c is a folder by now, not the file"), "{}", fault.message);
}

#[tokio::test]
async fn a_file_above_it_is_named() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    lab.write("a", "a file");
    let fault = life.create("{path: a/b/c, content: x}").await.unwrap_err();
    let (folder, file) = (lab.place("a/b"), lab.place("a"));
    let message =
        format!("cannot make the folder {}: {} is a file", folder.display(), file.display());
    assert_eq!(fault.message, message);
}

#[tokio::test]
async fn an_unknown_owner_is_refused_before_anything_is_written() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    for (key, what) in [("owner", "user"), ("group", "group")] {
        let keys = format!("{{path: a.txt, content: x, {key}: nobody-of-that-name}}");
        let fault = life.create(&keys).await.unwrap_err();
        assert_eq!(
            fault.message,
            format!("there is no {what} `nobody-of-that-name` on this machine")
        );
        assert_eq!(fault.help, Some(format!("make the {what} first, or write its number")));
    }
    assert_eq!(lab.names("."), Vec::<String>::new());
}

#[test]
fn a_mode_that_is_none_says_what_one_looks_like() {
    let lab = Lab::new();
    let kind = crate::lab::kind("file.text");
    for mode in ["rw-r--r--", "0888", "7", "99999", "-644", "644"] {
        let tree = lab.tree(&format!("{{path: a, content: x, mode: '{mode}'}}"));
        let object = model::Object::new("a", []);
        let error = (kind.diff)(&tree, &object, &*lab.vault).unwrap_err();
        assert_eq!(error, format!("`{mode}` is not a file mode"));
    }
}

#[tokio::test]
async fn a_file_with_a_secret_is_for_its_owner_unless_somebody_says_otherwise() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.text");
    let secret = lab.tree("{path: a, content: 'x${secret.db}'}");
    let said = life.foresee(Change::Create(&secret)).await.unwrap();
    assert_eq!(said.as_deref(), Some("mode 0600, as it holds a secret"));
    for (keys, mode) in [
        ("{path: a, content: 'x${secret.db}'}", 0o600),
        ("{path: b, content: x}", 0o644),
        ("{path: c, content: 'x${secret.db}', mode: '0640'}", 0o640),
    ] {
        let made = life.create(keys).await.unwrap();
        let there = std::path::Path::new(made.text("full_path")).metadata().unwrap().mode();
        assert_eq!(there & 0o7777, mode, "{keys}");
    }
}
