//! `source` of a service: each content of a folder is a version, and runs in a copy of its own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use model::Object;

use crate::life::Life;
use crate::place::{eventually, kill, wait};
use crate::roles::SERVE;
use crate::service::{Project, told};
use crate::suite::tests;

tests![
    what_is_changed_in_the_folder_runs_with_the_next_apply_and_not_after_a_crash,
    each_side_has_the_copy_that_it_was_started_with,
    what_runs_on_the_other_side_is_not_started_again,
    a_version_that_does_not_get_ready_leaves_no_copy,
    what_is_left_out_makes_no_version,
    what_cannot_be_copied_is_named,
    a_source_that_is_gone_is_no_source_that_is_unchanged,
    what_the_plan_did_not_see_does_not_run,
    what_is_written_to_as_it_is_copied_does_not_run,
    a_copy_that_somebody_has_changed_is_made_anew,
];

/// A project with the folder `app`, which holds the answer of the service that runs from it.
struct World(Project);

impl World {
    fn new() -> Self {
        let world = Self(Project::new());
        world.0.lab.write("app/lib/part", "1");
        world.answer("200 One");
        world
    }

    fn life(&self) -> Life<'_> {
        Life::of(&self.0.lab, "process.service")
    }

    fn answer(&self, answer: &str) {
        self.0.lab.write("app/status", answer);
    }

    fn keys(&self, more: &str) -> String {
        let exe = std::env::current_exe().expect("this executable");
        format!(
            "{{ command: ['{}', '{SERVE}', .], source: app, ports: {}, stop_timeout: 5s, \
             health: {{ http: /health, interval: 50ms }}, ready_within: 3s {more} }}",
            exe.display(),
            self.0.range()
        )
    }

    /// What runs would answer, in order.
    fn answers(&self) -> Vec<String> {
        let read = |pid: i32| fs::read_to_string(format!("/proc/{pid}/cwd/status")).ok();
        let mut found: Vec<String> = self.0.processes().into_iter().filter_map(read).collect();
        found.sort();
        found
    }

    fn copies(&self) -> Vec<PathBuf> {
        let folder = self.0.lab.context.site.home.join("services/sources/lab/thing");
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    }

    async fn seen(&self, keys: &str, object: &Object) -> Object {
        self.life().read(keys, object).await.expect("a look").expect("a service")
    }

    async fn refused(&self, more: &str) -> String {
        told(&self.life().create(&self.keys(more)).await.expect_err("refused"))
    }
}

fn what_is_changed_in_the_folder_runs_with_the_next_apply_and_not_after_a_crash() {
    wait(async {
        let world = World::new();
        let (life, keys) = (world.life(), world.keys(""));
        let one = life.create(&keys).await.expect("a service");
        life.is_as_applied(&keys, &one).await;
        world.answer("200 Two");
        let before = world.0.processes()[0];
        kill(before);
        eventually("it runs again", || world.0.processes().iter().any(|pid| *pid != before));
        assert_eq!(world.answers(), ["200 One"]);
        let seen = world.seen(&keys, &one).await;
        assert_eq!(life.differing(&keys, &seen), ["source"]);
        let two = life.update(&keys, &seen).await.expect("a service");
        life.is_as_applied(&keys, &two).await;
        assert_eq!((world.answers(), world.copies().len()), (vec!["200 Two".to_owned()], 1));
        assert_ne!(one.text("version"), two.text("version"));
        // The same once more is the same version, whenever it was written.
        world.answer("200 Two");
        assert_eq!(world.seen(&keys, &two).await, two);
        fs::remove_file(world.0.lab.place("app/lib/part")).expect("a file");
        assert_eq!(life.differing(&keys, &world.seen(&keys, &two).await), ["source"]);
        life.ends(&keys, &two).await;
        assert_eq!(world.copies().len(), 0);
    });
}

fn each_side_has_the_copy_that_it_was_started_with() {
    wait(async {
        let world = World::new();
        let (life, keys) = (world.life(), world.keys(", sides: true"));
        let mut object = life.create(&keys).await.expect("a service");
        for (answer, expected) in [
            ("200 Two", ["200 One", "200 Two"]),
            ("200 Three", ["200 Three", "200 Two"]),
            ("200 Four", ["200 Four", "200 Three"]),
        ] {
            world.answer(answer);
            let seen = world.seen(&keys, &object).await;
            object = life.update(&keys, &seen).await.expect("a service");
            life.is_as_applied(&keys, &object).await;
            assert_eq!(
                (world.answers(), world.copies().len()),
                (expected.map(Into::into).into(), 2)
            );
        }
        for pid in world.0.processes() {
            kill(pid);
            eventually("both run", || world.answers() == ["200 Four", "200 Three"]);
        }
        life.ends(&keys, &object).await;
        assert_eq!(world.copies().len(), 0);
    });
}

fn what_runs_on_the_other_side_is_not_started_again() {
    wait(async {
        let world = World::new();
        let (life, keys) = (world.life(), world.keys(", sides: true"));
        let one = life.create(&keys).await.expect("a service");
        world.answer("200 Two");
        let seen = world.seen(&keys, &one).await;
        let two = life.update(&keys, &seen).await.expect("a service");
        let running = world.0.processes();
        world.answer("200 One");
        let seen = world.seen(&keys, &two).await;
        let back = life.update(&keys, &seen).await.expect("a service");
        life.is_as_applied(&keys, &back).await;
        assert_eq!(world.0.processes(), running);
        let of = |object: &Object| ["version", "address"].map(|name| object.text(name).to_owned());
        assert_eq!(of(&back), of(&one));
        let older = ["older_version", "older_address"].map(|name| back.text(name).to_owned());
        assert_eq!(older, of(&two));
    });
}

fn a_version_that_does_not_get_ready_leaves_no_copy() {
    wait(async {
        let world = World::new();
        let (life, keys) = (world.life(), world.keys(", sides: true"));
        world.answer("503 Bad");
        assert!(world.refused(", sides: true").await.contains("not healthy"));
        assert_eq!(world.copies().len(), 0);
        world.answer("200 One");
        let one = life.create(&keys).await.expect("a service");
        world.answer("503 Bad");
        let seen = world.seen(&keys, &one).await;
        life.update(&keys, &seen).await.expect_err("not healthy");
        assert_eq!((world.answers(), world.copies().len()), (vec!["200 One".to_owned()], 1));
        assert_eq!(life.differing(&keys, &world.seen(&keys, &one).await), ["source"]);
    });
}

fn what_is_left_out_makes_no_version() {
    wait(async {
        let world = World::new();
        let keys = world.keys("").replace(
            "source: app",
            "source: { folder: app, exclude: [tests, '*.pyc', web/drafts, 'web/**/*.md'] }",
        );
        for path in
            ["tests/a", "lib/tests/a", "lib/x.pyc", "web/drafts/a", "web/a/b/c.md", ".git/a"]
        {
            world.0.lab.write(&format!("app/{path}"), "1");
        }
        world.0.lab.write("app/drafts/a", "1");
        world.0.lab.write("app/run", "#!/bin/sh");
        std::os::unix::fs::symlink("lib/part", world.0.lab.place("app/link")).expect("a link");
        let one = world.life().create(&keys).await.expect("a service");
        world.life().is_as_applied(&keys, &one).await;
        let [copy] = &world.copies()[..] else { panic!("{:?}", world.copies()) };
        let mut found = vec![];
        let mut open = vec![copy.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                match entry.file_type().expect("a type").is_dir() {
                    true => open.push(entry.path()),
                    false => found.push(entry.path()),
                }
            }
        }
        let within = |path: &PathBuf| path.strip_prefix(copy).expect("within").to_owned();
        let mut found: Vec<PathBuf> = found.iter().map(within).collect();
        found.sort();
        // The service itself has written `port` into its own copy.
        let expected = ["drafts/a", "lib/part", "link", "port", "run", "status"];
        assert_eq!(found, expected.map(PathBuf::from));
        world.0.lab.write("app/tests/a", "2");
        assert_eq!(world.seen(&keys, &one).await, one);
        let run = world.0.lab.place("app/run");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(run, mode).expect("a mode");
        assert_eq!(world.life().differing(&keys, &world.seen(&keys, &one).await), ["source"]);
    });
}

fn what_cannot_be_copied_is_named() {
    wait(async {
        let world = World::new();
        let place = |path: &str| world.0.lab.place(path);
        std::os::unix::fs::symlink("../../secret", place("app/lib/out")).expect("a link");
        let said = world.refused("").await;
        let link = "/app/lib/out is a link to ../../secret, which is no part of a copy";
        assert!(said.contains(link) && said.contains("name it under `exclude`"), "{said}");
        fs::remove_file(place("app/lib/out")).expect("a link");
        // It would lead out of the copy, back to where everybody may edit.
        std::os::unix::fs::symlink(place("app/status"), place("app/lib/out")).expect("a link");
        assert!(world.refused("").await.contains("which is no part of a copy"));
        fs::remove_file(place("app/lib/out")).expect("a link");
        let socket = std::os::unix::net::UnixListener::bind(place("app/socket")).expect("a socket");
        let said = world.refused("").await;
        assert!(said.contains("/app/socket is neither a file nor a folder"), "{said}");
        drop(socket);
        fs::remove_dir_all(place("app")).expect("a folder");
        fs::create_dir_all(place("app/lib")).expect("a folder");
        assert!(world.refused("").await.contains("/app holds no files"));
        fs::remove_dir_all(place("app")).expect("a folder");
        let said = world.refused("").await;
        assert!(said.contains("there is no folder "), "{said}");
        assert!(said.contains("correct `source`"), "{said}");
        assert_eq!((world.copies().len(), world.0.processes().len()), (0, 0));
    });
}

fn a_source_that_is_gone_is_no_source_that_is_unchanged() {
    wait(async {
        let world = World::new();
        let (life, keys) = (world.life(), world.keys(""));
        let one = life.create(&keys).await.expect("a service");
        fs::remove_dir_all(world.0.lab.place("app")).expect("a folder");
        let seen = world.seen(&keys, &one).await;
        assert_eq!(life.differing(&keys, &seen), ["source"]);
        let said = told(&life.update(&keys, &seen).await.expect_err("refused"));
        assert!(said.contains("there is no folder "), "{said}");
        assert_eq!((world.0.processes().len(), world.copies().len()), (1, 1));
    });
}

fn what_the_plan_did_not_see_does_not_run() {
    wait(async {
        let world = World::new();
        let (life, keys) = (world.life(), world.keys(""));
        let one = life.create(&keys).await.expect("a service");
        world.answer("200 Two");
        let seen = world.seen(&keys, &one).await;
        world.answer("200 Three");
        let fault = life.update(&keys, &seen).await.expect_err("stale");
        assert!(fault.message.ends_with("its source is not what it was when the plan was made"));
        assert_eq!((world.answers(), world.copies().len()), (vec!["200 One".to_owned()], 1));
    });
}

fn what_is_written_to_as_it_is_copied_does_not_run() {
    wait(async {
        let world = World::new();
        let (place, done) = (world.0.lab.place("app/lib/part"), Arc::new(AtomicBool::new(false)));
        // Time enough between one look at the other file and the next.
        let big = fs::File::create(world.0.lab.place("app/lib/big")).expect("a file");
        big.set_len(64 << 20).expect("room");
        let ends = Arc::clone(&done);
        let writer = thread::spawn(move || {
            let mut file = fs::OpenOptions::new().append(true).open(place).expect("a file");
            while !ends.load(Ordering::Relaxed) {
                file.write_all(b"more\n").expect("room");
            }
        });
        let said = world.refused("").await;
        done.store(true, Ordering::Relaxed);
        writer.join().expect("a writer");
        assert!(said.contains("/app is changed again and again while it is copied"), "{said}");
        assert_eq!((world.copies().len(), world.0.processes().len()), (0, 0));
    });
}

fn a_copy_that_somebody_has_changed_is_made_anew() {
    wait(async {
        let world = World::new();
        let (life, keys) = (world.life(), world.keys(""));
        let one = life.create(&keys).await.expect("a service");
        let [copy] = &world.copies()[..] else { panic!("{:?}", world.copies()) };
        for name in ["status", "lib/part"] {
            fs::remove_file(copy.join(name)).expect("a file");
        }
        assert_eq!(life.update(&keys, &one).await.expect("a service"), one);
        let read = |name: &str| fs::read_to_string(copy.join(name)).expect("a file");
        assert_eq!((read("status"), read("lib/part")), ("200 One".to_owned(), "1".to_owned()));
        assert_eq!(world.copies().len(), 1);
    });
}
