//! The repository's own files: every one checks, plans and applies in an in-memory world, with the kinds
//! that are built in. What a first apply leaves, a second plan finds unchanged.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use runtime::engine::{PlanRequest, check};
use runtime::parameters::Given;
use runtime::project::{FileType, Project};
use runtime::store::MemoryStore;
use testkit::Lab;

use crate::cli::project::TestProject;

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

#[test]
fn what_a_story_left_is_taken_away_and_said() {
    let left = |name: &str| {
        format!(
            "stack: {name}\nresources: {{ note: {{ kind: file.text, path: {name}, content: x }} }}\n"
        )
    };
    let pushed = "run/server/.windlass/projects/guestbook";
    let project = TestProject::new()
        .file("stacks/server.yml", &left("server"))
        .file(&format!("{pushed}/stacks/guestbook.yml"), &left("guestbook"))
        .file("run/story/guestbook/README.md", "a clone");
    project.done(["apply", "server", "--yes"]);
    project.done(["apply", "--yes", "--project", pushed]);
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/story");
    copy(&story, &project.place("tests/story"));
    let destroy = || {
        let script = project.place("tests/story/story.py");
        let mut story = Command::new("python3");
        let story = story.arg(script).args([env!("CARGO_BIN_EXE_windlass"), "destroy"]);
        let output = story.current_dir(project.folder()).output().expect("python3");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    let said = destroy();
    for told in [
        "guestbook $ windlass destroy guestbook --yes --wait 5m",
        "guestbook  destroyed: 1 resource",
        ". $ windlass destroy server --yes --wait 5m",
        "server  destroyed: 1 resource",
        "removes run/server",
        "removes run/story",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(!project.place("server").exists() && !project.place("run/server").exists());
    assert!(destroy().contains("there is nothing of a story"));
}
