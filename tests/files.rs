//! The repository's own files: every one checks, plans and applies in an in-memory world, with the kinds
//! that are built in. What a first apply leaves, a second plan finds unchanged.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use runtime::engine::{PlanRequest, check};
use runtime::parameters::Given;
use runtime::project::{FileType, Project};
use runtime::store::MemoryStore;
use testkit::Lab;

fn repository() -> Project {
    Project::find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).expect("the repository")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("a copy");
        }
    }
}

/// A lab with the repository's files in its folder, and every kind in memory.
fn lab(repository: &Project) -> Lab {
    let kinds = |world: &Arc<testkit::World>| world.over(&providers::kinds());
    let lab = Lab::new(kinds, |_, kinds| Arc::new(MemoryStore::new("files", kinds)));
    for folder in ["stacks", "pipelines", "inventories", "templates"] {
        let from = repository.root.join(folder);
        if from.is_dir() {
            copy(&from, &lab.folder().join(folder));
        }
    }
    lab
}

#[test]
fn every_file_checks() {
    let repository = repository();
    let kinds = providers::kinds();
    let checked = check(&repository, &kinds, None, None, &Given::new());
    let checked = checked.map_err(|problem| problem.message()).expect("the files can be read");
    // What is served is up to a folder of its own.
    for of in FileType::ALL.into_iter().filter(|of| *of != FileType::Server) {
        let looked_at = checked.files.iter().any(|file| file.starts_with(of.folder()));
        assert!(looked_at, "no file of {} was looked at", of.folder());
    }
    assert!(checked.wrong.diagnostics.is_empty(), "{:?}", checked.wrong.diagnostics);
}

#[tokio::test]
async fn every_stack_plans_and_applies_in_a_world() {
    let repository = repository();
    let lab = lab(&repository);
    let files = repository.files(FileType::Stack).expect("a folder");
    assert!(!files.is_empty());
    for file in files {
        let request = PlanRequest::of(&file);
        let plan = lab.planned(&request).await.expect("a plan").plan;
        assert!(!plan.items.is_empty(), "{} asks for nothing", file.display());
        let troubles = lab.apply(plan).await;
        assert_eq!(troubles, Vec::<String>::new(), "{}", file.display());
        let again = lab.planned(&request).await.expect("a plan").plan;
        assert!(again.is_empty(), "{}: {:?}", file.display(), again.items);
    }
    assert_eq!(lab.world.violations(), Vec::<String>::new());
}
