//! Where secrets come from, that nothing shows them, and what happens when their key is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use model::{Registry, SecretText, Secrets};
use runtime::engine::{Engine, Outside, Problem};
use runtime::project::Project;
use runtime::sealing::Sealing;
use runtime::secret::{Key, VARIABLE, Vault};
use testkit::lab::said;
use testkit::outside::{RealClock, Seeded};

fn vault(folder: &Path, environment: &[(&str, &str)]) -> Vault {
    let key = Key::open(&folder.join("key"), &Seeded::new(7)).unwrap();
    let variable = |(name, text): &(&str, &str)| (format!("{VARIABLE}{name}"), (*text).to_owned());
    let environment: BTreeMap<String, String> = environment.iter().map(variable).collect();
    Vault::open(folder, folder, key, &environment).unwrap()
}

fn text(vault: &Vault, name: &str) -> Option<String> {
    vault.reveal(name).map(|text| text.expose().to_owned())
}

#[test]
fn whoever_comes_while_kept_secrets_are_read_waits_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let first = vault(folder.path(), &[]);
    for number in 0..100 {
        first.keep(&format!("s{number}"), &SecretText::new(format!("hidden-{number}-"))).unwrap();
    }
    for _ in 0..3 {
        let vault = vault(folder.path(), &[]);
        let together = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    let shown: String =
                        (0..100).map(|number| vault.masked(&format!("hidden-{number}-"))).collect();
                    assert!(!shown.contains("hidden"), "{shown}");
                });
            }
        });
    }
}

#[test]
fn the_environment_wins_however_the_name_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let filed = vault(folder.path(), &[]);
    filed.set("db-Password", Some(SecretText::new("from the file"))).unwrap();
    let both = vault(folder.path(), &[("DB_PASSWORD", "from outside"), ("OTHER", "other text")]);
    for name in ["db-Password", "db_password", "DB-PASSWORD"] {
        assert_eq!(text(&both, name).as_deref(), Some("from outside"), "{name}");
    }
    assert_eq!(both.names(), ["db-Password", "other"]);
    assert_eq!(both.masked("from outside, from the file"), "(secret), (secret)");
    both.set("third", Some(SecretText::new("third text"))).unwrap();
    assert_eq!(text(&both, "db-Password").as_deref(), Some("from outside"));
    assert_eq!(text(&both, "other").as_deref(), Some("other text"));
    assert_eq!(text(&both, "third").as_deref(), Some("third text"));
    let again = vault(folder.path(), &[]);
    assert_eq!(text(&again, "db-Password").as_deref(), Some("from the file"));
    assert_eq!(text(&again, "other"), None, "what is outside does not get into the file");
}

fn opened(folder: &Path) -> Result<Engine, Problem> {
    let outside = Outside {
        program: PathBuf::from("/bin/false"),
        environment: BTreeMap::new(),
        clock: Arc::new(RealClock),
        random: Arc::new(Seeded::new(7)),
    };
    let project = Project { root: folder.to_owned(), home: folder.join(".windlass") };
    Engine::open(project, Registry::default(), outside)
}

#[test]
fn a_lost_key_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    let engine = opened(folder.path()).map_err(said).unwrap();
    engine.vault.keep("made", &SecretText::new("some text")).unwrap();
    engine.vault.set("given", Some(SecretText::new("other text"))).unwrap();
    drop(engine);
    std::fs::remove_file(at(".windlass/key")).unwrap();
    for made in ["secrets.age", ".windlass/store.db", ".windlass/kept"] {
        let problem = opened(folder.path()).err().unwrap();
        let help = problem.advice().unwrap();
        assert!(
            help.starts_with(&format!("put a copy of it at {}", at(".windlass/key").display()))
        );
        let wanted = format!("the project's key is not there, and {made} was made with it");
        assert_eq!(said(problem), wanted);
        std::fs::rename(at(made), at("away")).unwrap();
        _ = std::fs::remove_dir_all(at("away"));
        _ = std::fs::remove_file(at("away"));
        assert!(!at(".windlass/key").exists());
    }
    assert!(opened(folder.path()).is_ok(), "there is nothing left that it could open");
}
