//! `file.archive`: what comes out, and what must never come out.

use std::io::{Cursor, Write};
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::atomic::Ordering;
use std::time::Duration;

use flate2::write::GzEncoder;
use model::{Change, Found};
use tar::{Builder, EntryType, Header};

use crate::lab::{Lab, kind};
use crate::life::{Life, is_made_once};
use crate::servers::{Server, answer};

/// A tar archive, made entry by entry, as honest or as evil as need be.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Names are written as they are: the library itself refuses evil ones.
    fn entry(mut self, what: EntryType, name: &str, mode: u32, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(what);
        header.set_mode(mode);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        let raw = header.as_old_mut();
        raw.name[..name.len()].copy_from_slice(name.as_bytes());
        raw.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, 0o644, "", content.as_bytes())
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, 0o777, target, b"")
    }

    fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// An archive that names no folder, and is deep.
pub(super) fn deep() -> Vec<u8> {
    Tar::new().file("one/two/three/x", "x").done()
}

fn app(version: &str) -> Tar {
    Tar::new()
        .entry(EntryType::Directory, "app/", 0o755, "", b"")
        .entry(EntryType::Directory, "app/closed/", 0o555, "", b"")
        .file("app/closed/version", version)
        .entry(EntryType::Regular, "app/run", 0o4755, "", b"#!/bin/sh\n")
        .link("app/current", "closed/version")
        .entry(EntryType::Link, "app/same", 0o644, "app/closed/version", b"")
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer =
        lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o640);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[tokio::test]
async fn an_archive_is_unpacked_changed_and_removed() {
    let lab = Lab::new();
    lab.write("one.tar.gz", gz(&app("1").done()));
    lab.write("two.tgz", gz(&app("2").done()));
    let life = Life::of(&lab, "file.archive");
    life.runs(
        "{source: one.tar.gz, destination: run/app}",
        "{source: two.tgz, destination: run/app, strip_components: 1}",
    )
    .await;
    assert_eq!(lab.names("run"), Vec::<String>::new(), "nothing is left beside it");
    assert_eq!(lab.names(".windlass/archives"), Vec::<String>::new());
}

#[tokio::test]
async fn every_format_gives_the_same() {
    let lab = Lab::new();
    let tar = app("1").done();
    let archives = [("a.tar", tar.clone()), ("a.tgz", gz(&tar)), ("a.tar.xz", xz(&tar))];
    let life = Life::of(&lab, "file.archive");
    let mut digests = Vec::new();
    for (name, bytes) in archives {
        lab.write(name, bytes);
        let keys = format!("{{source: {name}, destination: run/{name}, strip_components: 1}}");
        let made = life.create(&keys).await.unwrap();
        life.is_as_applied(&keys, &made).await;
        digests.push(made.text("digest").to_owned());
        assert_eq!((made.text("files"), made.text("size")), ("3", "12"));
        assert_eq!(lab.text(&format!("run/{name}/current")), "1");
        assert_eq!(lab.text(&format!("run/{name}/same")), "1");
        let mode = |path: &str| {
            lab.place(&format!("run/{name}/{path}")).metadata().unwrap().mode() & 0o7777
        };
        assert_eq!((mode("run"), mode("closed"), mode("closed/version")), (0o755, 0o755, 0o644));
    }
    digests.dedup();
    assert_eq!(digests.len(), 3, "another archive is told from it: {digests:?}");
}

#[tokio::test]
async fn a_zip_is_unpacked() {
    let lab = Lab::new();
    lab.write("site.zip", zip(&[("site/index.html", "hello"), ("site/css/a.css", "x")]));
    let life = Life::of(&lab, "file.archive");
    let keys = "{source: site.zip, destination: run/site, strip_components: 1}";
    let made = is_made_once(&life, keys).await;
    assert_eq!(
        (lab.text("run/site/index.html"), lab.text("run/site/css/a.css")),
        ("hello".into(), "x".into())
    );
    assert_eq!(lab.place("run/site/index.html").metadata().unwrap().mode() & 0o777, 0o640);
    life.ends(keys, &made).await;
}

#[tokio::test]
async fn what_would_lead_out_of_the_folder_refuses_the_whole_archive() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.archive");
    let out = "holds the link";
    let evil: [(&str, Tar, &str); 14] = [
        ("up", Tar::new().file("ok", "x").file("../evil", "x"), "holds `../evil`, which leads out"),
        ("deep", Tar::new().file("a/../../evil", "x"), "holds `a/../../evil`, which leads out"),
        ("absolute", Tar::new().file("/tmp/windlass-evil", "x"), "holds `/tmp/windlass-evil`"),
        ("link", Tar::new().link("a", "../.."), out),
        ("absolute-link", Tar::new().link("a", "/etc"), out),
        ("link-up-after-down", Tar::new().link("d/up", "..").link("t", "d/up/.."), out),
        (
            "through",
            Tar::new().file("d/x", "x").link("a", "d").file("a/evil", "x"),
            "holds `a/evil` beneath what is no folder",
        ),
        (
            "hard-link",
            Tar::new().entry(EntryType::Link, "a", 0o644, "../../etc/passwd", b""),
            "holds `../../etc/passwd`",
        ),
        (
            "hard-link-to-link",
            Tar::new().link("a", "b").entry(EntryType::Link, "c", 0o644, "a", b""),
            "holds a second name for `a`",
        ),
        (
            "device",
            Tar::new().entry(EntryType::Char, "null", 0o666, "", b""),
            "holds a device: `null`",
        ),
        (
            "block",
            Tar::new().entry(EntryType::Block, "disk", 0o666, "", b""),
            "holds a device: `disk`",
        ),
        ("pipe", Tar::new().entry(EntryType::Fifo, "pipe", 0o666, "", b""), "holds a pipe: `pipe`"),
        ("empty-link", Tar::new().link("a", ""), ""),
        ("both", Tar::new().file("a/b", "x").file("a", "x"), "holds `a` as a folder and as a file"),
    ];
    for (name, tar, why) in evil {
        let file = lab.write(&format!("{name}.tar"), tar.done());
        let fault =
            life.create(&format!("{{source: {name}.tar, destination: run/it}}")).await.unwrap_err();
        assert!(fault.message.contains(why), "{name}: {fault:?}");
        assert_eq!(lab.names("run"), Vec::<String>::new(), "{name}: nothing is left");
        std::fs::remove_file(file).unwrap();
        assert_eq!(lab.names("."), ["run"], "{name}");
    }
    lab.write("slip.zip", zip(&[("ok", "x"), ("../evil", "x")]));
    let fault = life.create("{source: slip.zip, destination: run/it}").await.unwrap_err();
    assert!(fault.message.contains("../evil"), "{fault:?}");
    assert_eq!(lab.names("."), ["run", "slip.zip"]);
    assert_eq!(lab.names("run"), Vec::<String>::new());
}

#[tokio::test]
async fn links_inside_are_kept() {
    let lab = Lab::new();
    lab.write(
        "a.tar",
        Tar::new().file("v1/x", "x").link("current", "v1").link("v1/up", "../v1/x").done(),
    );
    let life = Life::of(&lab, "file.archive");
    life.create("{source: a.tar, destination: run}").await.unwrap();
    assert_eq!((lab.text("run/current/x"), lab.text("run/v1/up")), ("x".into(), "x".into()));
}

#[tokio::test]
async fn a_wrong_checksum_names_the_one_that_was_found() {
    let lab = Lab::new();
    lab.write("a.tar", b"not even an archive");
    let life = Life::of(&lab, "file.archive");
    let wrong = "0".repeat(64);
    let keys = format!("{{source: a.tar, destination: run, checksum: 'sha256:{wrong}'}}");
    let fault = life.create(&keys).await.unwrap_err();
    assert!(
        fault.message.starts_with("a.tar is not what `checksum` says, but sha256:"),
        "{fault:?}"
    );
    assert!(fault.help.unwrap().starts_with("if it is the right one, write `checksum: sha256:"));
    assert!(!lab.place("run").exists());
}

#[tokio::test]
async fn checksums_are_those_of_the_standards() {
    let lab = Lab::new();
    lab.write("abc.tar", "abc");
    let life = Life::of(&lab, "file.archive");
    // FIPS 180-4 and the BLAKE3 paper, of "abc".
    let known = [
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
    ];
    for checksum in known {
        let keys = format!("{{source: abc.tar, destination: run, checksum: '{checksum}'}}");
        let fault = life.create(&keys).await.unwrap_err();
        assert!(fault.message.starts_with("abc.tar cannot be unpacked: "), "{checksum}: {fault:?}");
    }
}

#[tokio::test]
async fn a_damaged_archive_says_so_and_leaves_the_old_folder() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.archive");
    let whole = gz(&app("1").done());
    lab.write("a.tgz", &whole);
    let made = life.create("{source: a.tgz, destination: run/app}").await.unwrap();
    lab.write("a.tgz", &whole[..whole.len() / 2]);
    let keys = "{source: a.tgz, destination: run/app}";
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(life.differing(keys, &read), ["source"]);
    let fault = life.update(keys, &read).await.unwrap_err();
    assert!(fault.message.starts_with("a.tgz cannot be unpacked: "), "{fault:?}");
    assert_eq!(lab.text("run/app/app/closed/version"), "1");
    assert_eq!(lab.names("run"), ["app"]);
}

#[tokio::test]
async fn what_unpacks_to_too_much_is_refused() {
    let lab = Lab::new();
    lab.write("bomb.tgz", gz(&Tar::new().file("zeros", &"0".repeat(3 << 20)).done()));
    let life = Life::of(&lab, "file.archive");
    let fault =
        life.create("{source: bomb.tgz, destination: run/it, max_size: 2MiB}").await.unwrap_err();
    assert_eq!(fault.message, "bomb.tgz unpacks to more than 2MiB");
    assert_eq!(lab.names("run"), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_that_is_there_is_left_alone_and_an_empty_one_is_used() {
    let lab = Lab::new();
    lab.write("a.tar", Tar::new().file("x", "x").done());
    let life = Life::of(&lab, "file.archive");
    lab.write("run/theirs", "x");
    let fault = life.create("{source: a.tar, destination: run}").await.unwrap_err();
    assert_eq!(fault.message, "run is there already, and is not empty");
    assert_eq!(lab.names("run"), ["theirs"]);
    life.create("{source: a.tar, destination: run, adopt: true}").await.unwrap();
    assert_eq!(lab.names("run"), ["x"]);
    std::fs::create_dir(lab.place("empty")).unwrap();
    life.create("{source: a.tar, destination: empty}").await.unwrap();
    lab.write("file", "x");
    let fault = life.create("{source: a.tar, destination: file, adopt: true}").await.unwrap_err();
    assert_eq!(fault.message, "file is no folder");
}

#[tokio::test]
async fn what_is_changed_added_or_removed_in_the_folder_shows_and_is_put_right() {
    let lab = Lab::new();
    lab.write("a.tar", Tar::new().file("x", "x").file("y", "y").done());
    let life = Life::of(&lab, "file.archive");
    let keys = "{source: a.tar, destination: run}";
    let changes: [fn(&Lab); 4] = [
        |lab| _ = lab.write("run/x", "edited"),
        |lab| _ = lab.write("run/added", ""),
        |lab| std::fs::remove_file(lab.place("run/y")).unwrap(),
        |lab| symlink("x", lab.place("run/link")).unwrap(),
    ];
    let mut made = life.create(keys).await.unwrap();
    for change in changes {
        change(&lab);
        let read = life.read(keys, &made).await.unwrap().unwrap();
        assert_eq!(life.differing(keys, &read), ["destination"], "{read:?}");
        made = life.update(keys, &read).await.unwrap();
        life.is_as_applied(keys, &made).await;
        assert_eq!(
            (lab.names("run"), lab.text("run/x")),
            (vec!["x".into(), "y".into()], "x".into())
        );
    }
}

#[tokio::test]
async fn a_time_that_no_clock_can_show_is_no_obstacle() {
    for seconds in [u64::MAX, i64::MAX.cast_unsigned(), i64::MIN.cast_unsigned()] {
        let lab = Lab::new();
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(1);
        header.set_mtime(seconds);
        let mut tar = Builder::new(Vec::new());
        tar.append_data(&mut header, "x", &b"x"[..]).unwrap();
        lab.write("a.tar", tar.into_inner().unwrap());
        let life = Life::of(&lab, "file.archive");
        let keys = "{source: a.tar, destination: run}";
        let made = life.create(keys).await.unwrap();
        assert_eq!(lab.text("run/x"), "x");
        life.is_as_applied(keys, &made).await;
        if seconds == u64::MAX {
            assert_eq!(lab.place("run/x").metadata().unwrap().mtime(), -1, "before 1970");
        }
    }
}

#[tokio::test]
async fn an_archive_that_was_only_touched_is_the_same() {
    let lab = Lab::new();
    let bytes = Tar::new().file("x", "x").done();
    let file = lab.write("a.tar", &bytes);
    let life = Life::of(&lab, "file.archive");
    let keys = "{source: a.tar, destination: run}";
    let made = life.create(keys).await.unwrap();
    let touched = std::fs::File::options().append(true).open(&file).unwrap();
    touched.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    life.is_as_applied(keys, &made).await;
    lab.write("a.tar", Tar::new().file("x", "y").done());
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(life.differing(keys, &read), ["source"]);
    std::fs::remove_file(&file).unwrap();
    let read = life.read(keys, &made).await.unwrap().unwrap();
    assert_eq!(life.differing(keys, &read), ["source"], "it is gone, which an apply would say");
}

fn downloads(path: &str, _: &str) -> Option<Vec<u8>> {
    match path {
        "/app.tgz?v=1" => Some(answer("200 OK", "", &gz(&app("1").done()))),
        "/slow.tgz" => None,
        _ => Some(answer("404 Not Found", "", b"")),
    }
}

#[tokio::test]
async fn an_archive_is_fetched_once_and_proven() {
    let (lab, server) = (Lab::new(), Server::start(downloads, None).await);
    let life = Life::of(&lab, "file.archive");
    let url = format!("http://127.0.0.1:{}/app.tgz?v=1", server.port);
    let keys = |checksum: &str| {
        format!("{{source: '{url}', checksum: '{checksum}', destination: run/app}}")
    };
    let fault = life.create(&keys(&format!("sha256:{}", "0".repeat(64)))).await.unwrap_err();
    let found = fault.message.rsplit(' ').next().unwrap();
    assert_eq!(lab.names("run"), Vec::<String>::new(), "what was fetched is gone");
    let made = life.create(&keys(found)).await.unwrap();
    life.is_as_applied(&keys(found), &made).await;
    assert_eq!(lab.names("run"), ["app"]);
    let asked = server.asked.load(Ordering::Relaxed);
    life.update(&keys(found), &made).await.unwrap();
    assert_eq!(server.asked.load(Ordering::Relaxed), asked, "it is there already");
    let missing = keys(found).replace("app.tgz?v=1", "gone.tgz").replace("run/app", "run/b");
    let fault = life.create(&missing).await.unwrap_err();
    assert!(fault.message.ends_with("/gone.tgz answers 404, not 200"), "{fault:?}");
    assert_eq!(lab.names("run"), ["app"], "what was to be fetched leaves nothing");
    let slow = keys(found)
        .replace("app.tgz?v=1", "slow.tgz")
        .replace("run/app", "run/b, time_limit: 200ms");
    let fault = life.create(&slow).await.unwrap_err();
    assert!(fault.message.ends_with("did not answer within 0.2 s"), "{fault:?}");
    let refused =
        keys(found).replace(&format!(":{}", server.port), ":1").replace("run/app", "run/b");
    let fault = life.create(&refused).await.unwrap_err();
    assert!(fault.message.contains("127.0.0.1:1"), "{fault:?}");
    assert_eq!(lab.names("run"), ["app"], "nor does what does not answer");
}

#[tokio::test]
async fn what_is_given_up_or_dies_half_way_leaves_nothing_when_it_is_looked_for() {
    let lab = Lab::new();
    let mut tar = Tar::new();
    for number in 0..2000 {
        tar = tar.file(&format!("folder/{number}"), "x");
    }
    lab.write("a.tar", tar.done());
    let life = Life::of(&lab, "file.archive");
    let (keys, token) = ("{source: a.tar, destination: run/it}", lab.token());
    for wait in [0, 1, 3, 10] {
        let given_up = life.create_as(keys, &token);
        _ = tokio::time::timeout(Duration::from_millis(wait), given_up).await;
        let tree = lab.tree(keys);
        let found = life.find(Change::Create(&tree), &token).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        match found {
            Found::Unknown => panic!("a kind that can look for it"),
            Found::Nothing => assert_eq!(lab.names("run"), Vec::<String>::new()),
            Found::Done(_) => assert_eq!(lab.names("run"), ["it"]),
        }
    }
    lab.write(&format!("run/.windlass-{token}/half"), "x");
    lab.write(&format!("run/.windlass-{token}.download"), "x");
    let tree = lab.tree(keys);
    life.find(Change::Create(&tree), &token).await;
    assert!(lab.names("run").iter().all(|name| name == "it"), "{:?}", lab.names("run"));
}

#[tokio::test]
async fn an_update_that_died_before_the_new_folder_came_is_made_again() {
    let lab = Lab::new();
    let life = Life::of(&lab, "file.archive");
    lab.write("one.tar", app("1").done());
    lab.write("two.tar", app("2").done());
    let (first, second) =
        ("{source: one.tar, destination: run/it}", "{source: two.tar, destination: run/it}");
    let made = life.create(first).await.unwrap();
    let (tree, token) = (lab.tree(second), lab.token());
    life.apply(Change::Update(&tree, &made), &token).await.unwrap();
    // Now the note is about the new one: put the old one back under it.
    let old = lab.place("old");
    life.create("{source: one.tar, destination: old}").await.unwrap();
    std::fs::remove_dir_all(lab.place("run/it")).unwrap();
    std::fs::rename(old, lab.place("run/it")).unwrap();
    assert_eq!(life.find(Change::Update(&tree, &made), &token).await, Found::Nothing);
    let again = life.apply(Change::Update(&tree, &made), &token).await.unwrap().unwrap();
    life.is_as_applied(second, &again).await;
    assert_eq!(lab.text("run/it/app/closed/version"), "2");
}

#[test]
fn an_archive_that_cannot_be_says_why() {
    let lab = Lab::new();
    let refused = [
        ("source: 'https://a.test/a.zip'", "an address needs a `checksum`"),
        ("source: a.rar", "its name does not say what kind of archive it is: say it with `format`"),
        ("{source: a.zip, checksum: 'md5:00'}", "is not a checksum"),
        ("{source: a.zip, checksum: 'sha256:00'}", "is not a checksum"),
        ("source: 'ftp://a.test/a.zip'", "is not a path or a URL"),
    ];
    for (keys, why) in refused {
        let mut tree = lab.tree(keys);
        tree.insert("destination".to_owned(), "run".into());
        let error = (kind("file.archive").fits)(&tree).unwrap_err();
        assert!(error.contains(why), "{keys}: {error}");
    }
}

#[tokio::test]
async fn an_archive_that_is_not_there_says_so() {
    let lab = Lab::new();
    let fault = Life::of(&lab, "file.archive").create("{source: no.zip, destination: run}").await;
    let message = format!("there is no archive {}", lab.place("no.zip").display());
    assert_eq!(fault.unwrap_err().message, message);
}
