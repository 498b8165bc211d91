//! Values from outside, of every type, for stacks and pipelines alike.

use crate::cli::project::TestProject;

const DECLARED: &str = "size: { type: choice, choices: [small, large], default: small }
config: { type: file, default: app.conf, pattern: \"*.conf\", min: 3, max: 9 }
";

fn project() -> TestProject {
    let indented =
        |by: &str| DECLARED.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    let pipeline = format!(
        "pipeline: p\non:\n  manual:\n    parameters:\n{}      text: {{ default: none }}\nsteps:
  s: {{ env: {{ TEXT: \"${{text}}\" }}, run: [\"cat ${{config}}; echo ${{size}}; echo \\\"$TEXT\\\"\"] }}\n",
        indented("      ")
    );
    let stack = format!(
        "stack: q\nparameters:\n{}resources:\n  page: {{ kind: file.text, path: page, content: \"${{size}} ${{config}}\" }}\n",
        indented("  ")
    );
    let project = TestProject::new().file("pipelines/p.yml", &pipeline).stack("q", &stack);
    project
        .file("app.conf", "a = 1")
        .file("other.conf", "b = 2")
        .file("long.conf", "0123456789")
        .file("a.txt", "abc")
}

#[test]
fn choices_and_files_are_taken() {
    let project = project();
    project.done(["check"]);
    let shown =
        project.done(["run", "p", "--param", "size=large", "--param", "config=other.conf"]).stdout;
    assert!(shown.contains("s | b = 2large\n"), "{shown}");
    project.write("given", "two\nlines\n");
    let shown = project.done(["run", "p", "--param-file", "text=given"]).stdout;
    assert!(shown.contains("s | two\n    s | lines\n"), "{shown}");
    project.done(["apply", "q", "-y"]);
    assert_eq!(project.read("page"), "small app.conf");
}

#[test]
fn what_does_not_fit_says_why() {
    let project = project();
    let tried = [
        "size=huge",
        "config=none.conf",
        "config=long.conf",
        "config=a.txt",
        "config=../x.conf",
        "config=stacks",
    ];
    let answers = tried.map(|given| {
        let [run, plan] = [["run", "p"], ["plan", "q"]].map(|verb| {
            let answer = project.run(verb.into_iter().chain(["--param", given]));
            assert_eq!(answer.code, 2, "{answer}");
            answer.stderr.lines().next().unwrap_or_default().to_owned()
        });
        assert_eq!(run, plan);
        run
    });
    insta::assert_snapshot!(answers.join("\n"), @"
    error[W014]: the given value `huge` of the parameter `size` does not fit: it is none of `small` or
    error[W014]: the given value `none.conf` of the parameter `config` does not fit: it cannot be read:
    error[W014]: the given value `long.conf` of the parameter `config` does not fit: it has 10 bytes,
    error[W014]: the given value `a.txt` of the parameter `config` does not fit: it does not fit the
    error[W014]: the given value `../x.conf` of the parameter `config` does not fit: it lies outside of
    error[W014]: the given value `stacks` of the parameter `config` does not fit: it is no file
    ");
    insta::assert_snapshot!(project.run(["run", "p", "--param-file", "text=nowhere"]), @"
    --- stderr
    error: cannot read nowhere: No such file or directory (os error 2)
        try: `--param-file` gives a parameter the text of a file
    --- exit 2
    ");
    project.write("stacks/q.yml", "stack: q\nparameters:\n  size: { type: choice }\n");
    insta::assert_snapshot!(project.run(["check", "q"]), @"
    --- stderr
    error[W014]: a choice needs `choices`: a list of the values to choose from
      ╭▸ stacks/q.yml:3:17
      │
    3 │   size: { type: choice }
      ╰╴                ━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    ");
}

/// Pipelines of one group take turns: the second one says who is at work, or waits.
#[test]
fn runs_of_one_group_take_turns() {
    let of = |name: &str, run: &str| {
        format!(
            "pipeline: {name}\nconcurrency: {{ group: site, keep: newest, cancel: running }}\nsteps:\n  s: {{ run: ['{run}'] }}\n"
        )
    };
    let project = TestProject::new()
        .file(
            "pipelines/slow.yml",
            &of("slow", "touch begun; until [ -e go ]; do sleep 0.02; done; echo slow >> ran"),
        )
        .file("pipelines/quick.yml", &of("quick", "echo quick >> ran"));
    let slow = project.start(["run", "slow"]);
    let begun = project.place("begun");
    crate::cli::project::until("the slow one begins", || begun.exists());
    insta::assert_snapshot!(project.run(["run", "quick"]), @"
    --- stderr
    refused: a pipeline of the group site runs already: run (process N)
        try: wait for it: `--wait 10m`
    --- exit 4
    ");
    let quick = project.start(["run", "quick", "--wait", "1m"]);
    project.write("go", "");
    assert_eq!((slow.end().code, quick.end().code), (0, 0));
    assert_eq!(project.read("ran"), "slow\nquick\n");
}
