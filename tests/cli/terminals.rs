//! At a terminal: what is asked, what is painted, what nobody sees.

use crate::cli::project::TestProject;

const NOTE: &str = "  note: { kind: file.text, path: a.txt, content: hello }\n";

/// The text without what moves and colours it.
fn text(painted: &str) -> String {
    let mut out = String::new();
    let mut rest = painted;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn a_person_says_yes_to_an_apply_or_leaves_it() {
    let project = TestProject::of(NOTE);
    let no = project.typed(["apply"], &[("[y/N]", "n")]);
    assert!(text(&no.stdout).contains("Apply this? [y/N]"), "{no}");
    assert!(no.stdout.contains("left as it is"), "{no}");
    assert_eq!(no.code, 4, "{no}");
    assert!(!project.place("a.txt").exists());
    let yes = project.typed(["apply"], &[("[y/N]", "yes")]);
    assert!(text(&yes.stdout).contains("shop  applied: 1 created"), "{yes}");
    assert_eq!(project.read("a.txt"), "hello");
}

#[test]
fn who_destroys_types_the_name() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    let yes = project.typed(["destroy", "shop"], &[("name", "yes")]);
    assert_eq!(yes.code, 4, "yes is not the name: {yes}");
    assert!(project.place("a.txt").exists());
    let name = project.typed(["destroy", "shop"], &[("name", "shop")]);
    assert_eq!(name.code, 0, "{name}");
    assert!(!project.place("a.txt").exists());
}

#[test]
fn many_deletions_are_asked_about() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    project.write("stacks/shop.yml", "stack: shop\nresources: {}\n");
    let no = project.typed(["apply"], &[("name", "y")]);
    assert!(text(&no.stdout).contains("that is everything"), "{no}");
    assert_eq!(no.code, 4, "{no}");
    let name = project.typed(["apply"], &[("name", "shop")]);
    assert_eq!(name.code, 0, "{name}");
    assert!(!project.place("a.txt").exists());
}

#[test]
fn a_secret_is_typed_unseen() {
    let project = TestProject::of(NOTE);
    let set =
        project.typed(["secret", "set", "password"], &[("password: ", "correct-horse-battery")]);
    assert_eq!(set.code, 0, "{set}");
    assert!(!set.stdout.contains("horse"), "{set}");
    assert_eq!(project.done(["secret", "list"]).stdout, "password\n");
}

#[test]
fn what_ran_stays_and_what_was_painted_goes() {
    let project = TestProject::new().file(
        "pipelines/slow.yml",
        "pipeline: slow\nsteps:\n  wait: { run: [echo a line, sleep 0.6] }\n",
    );
    let run = project.typed(["run", "slow"], &[]);
    assert!(run.stdout.contains("\u{1b}["), "{run}");
    assert!(text(&run.stdout).contains("a line"), "{run}");
    let last: Vec<String> = text(&run.stdout).lines().rev().take(2).map(str::to_owned).collect();
    assert!(last[0].starts_with("slow  passed: 1 step done"), "{run}");
    assert!(last[1].contains("✓ run  wait"), "{run}");
}
