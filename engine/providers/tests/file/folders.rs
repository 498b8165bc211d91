//! `file.directory` on a real disk.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use model::fault::Nature;
use model::{Change, Found, Object};

use crate::lab::{Lab, alone, own_umask};
use crate::life::{Life, is_made_once};

#[test]
fn folders_on_the_way_have_their_mode_whatever_the_umask_is() {
    for umask in [0o077, 0o000] {
        let lab = Lab::new();
        lab.write("a.tar", crate::file::archives::deep());
        let made = [
            ("file.text", "{path: texts/a/b/c.txt, content: x}"),
            ("file.directory", "path: folders/a/b"),
            ("file.archive", "{source: a.tar, destination: archives/it}"),
            ("cert.authority", "{path: certs/ca, common_name: Authority}"),
            ("dns.zone", "{path: zones/a.zone, name: a.test, name_servers: [ns1]}"),
            ("command.run", "create: 'true'"),
        ];
        alone(
            || own_umask(umask),
            async || {
                for (kind, keys) in made {
                    Life::of(&lab, kind).create(keys).await.unwrap();
                }
            },
        );
        let mut folders = vec![lab.place(".")];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let metadata = entry.metadata().unwrap();
                if metadata.is_dir() {
                    let (place, mode) = (entry.path(), metadata.mode() & 0o7777);
                    assert_eq!(mode, 0o755, "{umask:03o}: {} {mode:o}", place.display());
                    folders.push(place);
                    seen += 1;
                }
            }
        }
        assert!(seen > 15, "all were looked at: {seen}");
    }
}

#[tokio::test]
async fn a_group_that_folders_hand_on_is_handed_on_further() {
    let lab = Lab::new();
    std::fs::create_dir(lab.place("shared")).unwrap();
    let mode = std::fs::Permissions::from_mode(0o2775);
    std::fs::set_permissions(lab.place("shared"), mode).unwrap();
    Life::of(&lab, "file.text").create("{path: shared/a/b.txt, content: x}").await.unwrap();
    assert_eq!(lab.place("shared/a").metadata().unwrap().mode() & 0o7777, 0o2755);
}

#[tokio::test]
async fn a_folder_is_made_changed_and_removed() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    life.runs("path: run/deep/cache", "{path: run/deep/cache, mode: '01770'}").await;
    assert_eq!(lab.names("run/deep"), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_is_made_once_and_found_again() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    is_made_once(&life, "{path: cache, mode: '0700'}").await;
}

#[tokio::test]
async fn a_folder_that_is_half_made_is_cleared_away() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    let (tree, token) = (lab.tree("{path: cache, mode: '0750'}"), lab.token());
    std::fs::create_dir(lab.place(&format!(".windlass-{token}"))).unwrap();
    assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Nothing);
    assert_eq!(lab.names("."), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_that_is_not_empty_stays() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    let made = life.create("path: cache").await.unwrap();
    lab.write("cache/b", "theirs");
    lab.write("cache/a", "theirs");
    let fault = life.delete("path: cache", &made).await.unwrap_err();
    let message = format!("{} is not empty: it holds a and 1 more", lab.place("cache").display());
    assert_eq!(fault.message, message);
    let help = "empty it, or say `recursive: true` and apply that first";
    assert_eq!(fault.help.as_deref(), Some(help));
    assert_eq!(lab.names("cache"), ["a", "b"]);
}

#[tokio::test]
async fn a_recursive_folder_goes_with_all_that_is_in_it_but_not_beyond_a_link() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    let keys = "{path: cache, recursive: true}";
    let made = life.create(keys).await.unwrap();
    for number in 0..300 {
        lab.write(&format!("cache/a/{}/{number}", number % 7), "x");
    }
    lab.write("outside/kept", "theirs");
    symlink(lab.place("outside"), lab.place("cache/link")).unwrap();
    life.ends(keys, &made).await;
    assert_eq!(lab.names("."), ["outside"]);
    assert_eq!(lab.names("outside"), ["kept"]);
}

#[tokio::test]
async fn a_removal_that_was_cut_short_is_finished_when_it_is_looked_for() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    let keys = "{path: cache, recursive: true}";
    let made = life.create(keys).await.unwrap();
    let (tree, token) = (lab.tree(keys), lab.token());
    assert_eq!(life.find(Change::Delete(Some(&tree), &made), &token).await, Found::Nothing);
    lab.write("cache/a/b", "x");
    std::fs::rename(lab.place("cache"), lab.place(&format!(".windlass-{token}"))).unwrap();
    assert_eq!(life.find(Change::Delete(Some(&tree), &made), &token).await, Found::Done(None));
    assert_eq!(lab.names("."), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_that_is_there_with_another_mode_is_left_alone() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    life.create("{path: cache, mode: '0700'}").await.unwrap();
    let fault = life.create("path: cache").await.unwrap_err();
    assert_eq!(fault.message, "cache is there already, with another mode");
    let made = life.create("{path: cache, adopt: true}").await.unwrap();
    assert_eq!(made.text("mode"), "0755");
}

#[tokio::test]
async fn a_file_in_the_place_of_a_folder_is_left_alone() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    lab.write("cache", "a file");
    let fault = life.create("{path: cache, adopt: true}").await.unwrap_err();
    assert_eq!(fault.message, "cache is a file");
}

#[tokio::test]
async fn a_plan_can_say_what_goes_with_a_folder_and_what_is_in_its_way() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.directory");
    let keys = "{path: cache, recursive: true}";
    let tree = lab.tree(keys);
    assert_eq!(life.foresee(Change::Create(&tree)).await, Ok(None));
    let made = life.create(keys).await.unwrap();
    let end = Change::Delete(Some(&tree), &made);
    assert_eq!(life.foresee(end).await, Ok(None), "nothing is in it");
    lab.write("cache/a/b", "theirs");
    lab.write("cache/c", "theirs");
    let said = life.foresee(Change::Delete(Some(&tree), &made)).await.unwrap();
    assert_eq!(said.as_deref(), Some("2 files in it go too"));
    let other = lab.tree("{path: cache, mode: '0700'}");
    let said = life.foresee(Change::Create(&other)).await.unwrap();
    let why = "cannot be made now: cache is there already, with another mode";
    assert_eq!(said.as_deref(), Some(why));
    assert_eq!(lab.names("cache"), ["a", "c"], "it only looks");
}

#[tokio::test]
async fn what_belongs_to_nobody_is_not_to_be_had() {
    let lab = Lab::new();
    lab.write("kept", "theirs");
    let project = lab.place(".");
    let around = project.parent().unwrap().display().to_string();
    for path in ["/", &around, &project.display().to_string(), "run/..", "run/../.windlass/x"] {
        for (kind, keys) in [
            ("file.directory", format!("{{path: '{path}', adopt: true, recursive: true}}")),
            ("file.text", format!("{{path: '{path}', content: x, adopt: true}}")),
            ("file.archive", format!("{{source: a.tar, destination: '{path}', adopt: true}}")),
        ] {
            let (life, tree) = (Life::of(&lab, kind), lab.tree(&keys));
            for told in [
                life.foresee(Change::Create(&tree)).await.map(|_| ()),
                life.apply(Change::Create(&tree), &lab.token()).await.map(|_| ()),
                life.apply(Change::Delete(Some(&tree), &Object::new(path, [])), &lab.token())
                    .await
                    .map(|_| ()),
            ] {
                let fault = told.expect_err(path);
                assert_eq!(fault.nature, Nature::Refused, "{kind} {path}: {}", fault.message);
            }
        }
    }
    assert_eq!(lab.text("kept"), "theirs");
    let key = lab.place(".windlass/key").display().to_string();
    for (kind, keys) in [
        ("cert.authority", format!("{{path: '{key}', common_name: A}}")),
        ("dns.zone", format!("{{path: '{key}', name: a.test, name_servers: [ns1]}}")),
    ] {
        let tree = lab.tree(&keys);
        assert!(Life::of(&lab, kind).foresee(Change::Create(&tree)).await.is_err(), "{kind}");
    }
}
