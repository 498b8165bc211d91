//! Plans: shown, kept, shown again, and what they are about.

use std::os::unix::fs::PermissionsExt;

use crate::cli::project::TestProject;

const TWO: &str = "  note: { kind: file.text, path: a.txt, content: hello }
  copy: { kind: file.text, path: b.txt, content: \"${note.path}\" }
";

#[test]
fn a_plan_says_what_would_change_and_changes_nothing() {
    let project = TestProject::of(TWO);
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  2 to create  N.NN s

      + file.text  note  path a.txt, content hello
      + file.text  copy  path b.txt, content a.txt

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    assert!(!project.place("a.txt").exists());
}

#[test]
fn a_plan_without_changes_is_one_line() {
    let project = TestProject::of(TWO);
    project.done(["apply", "--yes"]);
    insta::assert_snapshot!(project.run(["plan", "--detailed-exitcode"]), @r#"
    shop  unchanged, 2 resources  N.NN s
    --- exit 0
    "#);
}

#[test]
fn changes_are_an_exit_code_where_that_is_asked() {
    let project = TestProject::of(TWO);
    assert_eq!(project.run(["plan"]).code, 0);
    assert_eq!(project.run(["plan", "--detailed-exitcode"]).code, 3);
}

#[test]
fn a_plan_is_about_its_targets_and_what_they_need() {
    let project =
        TestProject::of(&format!("{TWO}  third: {{ kind: file.text, path: c.txt, content: x }}\n"));
    insta::assert_snapshot!(project.run(["plan", "--target", "copy"]), @r#"
    shop  2 to create  N.NN s

      + file.text  note  path a.txt, content hello
      + file.text  copy  path b.txt, content a.txt

    Apply it:  windlass apply shop --target copy
    Keep it:   windlass plan shop -o shop.plan --target copy
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["plan", "--exclude", "note"]), @r#"
    shop  1 to create  N.NN s

      + file.text  third  path c.txt, content x

    Apply it:  windlass apply shop --exclude note
    Keep it:   windlass plan shop -o shop.plan --exclude note
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["plan", "--target", "nobody"]), @r#"
    --- stderr
    error[W021]: nothing in the stack `shop` is called `nobody`
      ╭▸ stacks/shop.yml:1:8
      │
    1 │ stack: shop
      ╰╴       ━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn what_is_named_is_replaced() {
    let project = TestProject::of(TWO);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["plan", "--replace", "note"]), @r#"
    shop  1 to replace, 1 unchanged  N.NN s

      ± file.text  note  replaced: as asked, destroy first

    Apply it:  windlass apply shop --replace note
    Keep it:   windlass plan shop -o shop.plan --replace note
    --- exit 0
    "#);
}

#[test]
fn a_kept_plan_is_shown_applied_once_and_refused_the_second_time() {
    let project = TestProject::of(TWO);
    project.done(["plan", "-o", "shop.plan"]);
    let mode = std::fs::metadata(project.place("shop.plan")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    insta::assert_snapshot!(project.run(["plan", "--show", "shop.plan"]), @r#"
    shop  2 to create  N.NN s

      + file.text  note  path a.txt, content hello
      + file.text  copy  path b.txt, content a.txt

    Apply it:  windlass apply shop.plan
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["apply", "shop.plan"]), @r#"
    shop  2 to create  N.NN s

      + file.text  note  path a.txt, content hello
      + file.text  copy  path b.txt, content a.txt

    shop  apply, run 1: 2 steps
      ✓ file.text  note  created  N.NN s
      ✓ file.text  copy  created  N.NN s
    shop  applied: 2 created  N.NN s
    --- exit 0
    "#);
    assert_eq!(project.read("b.txt"), "a.txt");
    insta::assert_snapshot!(project.run(["apply", "shop.plan"]), @r#"
    --- stderr
    refused: shop.plan was applied already, as run 1: a plan is applied once
        try: plan again: windlass plan shop -o shop.plan
    --- exit 4
    "#);
}

#[test]
fn a_kept_plan_refuses_the_steps_whose_world_has_moved() {
    let project = TestProject::of(TWO);
    project.done(["apply", "-y"]);
    project.write(
        "stacks/shop.yml",
        "stack: shop
resources:
  note: { kind: file.text, path: a.txt, content: new, needs: [copy] }
  copy: { kind: file.text, path: b.txt, content: new }
",
    );
    project.done(["plan", "-o", "shop.plan"]);
    project.write("a.txt", "somebody else wrote this");
    insta::assert_snapshot!(project.run(["apply", "shop.plan"]), @r#"
    shop  2 to update  N.NN s

      ~ file.text  copy
          content        a.txt → new   stacks/shop.yml:4
      ~ file.text  note
          content        hello → new   stacks/shop.yml:3

    shop  apply, run 2: 2 steps
      ✓ file.text  copy  updated  N.NN s
      ✗ file.text  note  the plan is stale: it is not what it was when the plan was made  N.NN s
    ✗ file.text  note  the plan is stale: it is not what it was when the plan was made
        try: plan again

    shop  not finished: 1 updated, 1 failed  N.NN s
          what was done stays; `windlass apply shop` looks at the rest anew                       exit 4
    --- exit 4
    "#);
    assert_eq!(project.read("a.txt"), "somebody else wrote this");
    assert_eq!(project.read("b.txt"), "new");
}

#[test]
fn a_damaged_plan_is_refused() {
    let project = TestProject::of(TWO);
    project.done(["plan", "-o", "shop.plan"]);
    let text = project.read("shop.plan").replace("hello", "hacked");
    project.write("shop.plan", text);
    insta::assert_snapshot!(project.run(["apply", "shop.plan"]), @r#"
    --- stderr
    refused: this plan is damaged: its digest is another
        try: make it again: windlass plan -o FILE
    --- exit 4
    "#);
    project.write("shop.plan", "{\"format\": 99}");
    insta::assert_snapshot!(project.run(["apply", "shop.plan"]), @r#"
    --- stderr
    refused: this plan has format 99, and this program knows 2: plan again
        try: make it again: windlass plan -o FILE
    --- exit 4
    "#);
}

#[test]
fn a_long_plan_is_packed_and_read_again() {
    let many: String = (0..2_000)
        .map(|at| {
            format!("  note{at}: {{ kind: data.value, input: \"{at} and some more text\" }}\n")
        })
        .collect();
    let project = TestProject::of(&many);
    project.done(["plan", "-o", "shop.plan"]);
    let packed = std::fs::read(project.place("shop.plan")).unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b]);
    assert!(packed.len() < 200_000, "{} bytes", packed.len());
    assert_eq!(
        project
            .run(["plan", "--show", "shop.plan"])
            .stdout
            .lines()
            .filter(|line| line.contains("note"))
            .count(),
        2_000
    );
    project.done(["apply", "shop.plan"]);
    let mut cut = packed.clone();
    cut.truncate(packed.len() / 2);
    project.write("cut.plan", cut);
    insta::assert_snapshot!(project.run(["apply", "cut.plan"]), @r#"
    --- stderr
    refused: this plan is damaged: incomplete deflate stream
        try: make it again: windlass plan -o FILE
    --- exit 4
    "#);
}

#[test]
fn stacks_are_planned_after_those_that_they_read() {
    let project = TestProject::new()
        .stack(
            "app",
            "stack: app
resources:
  note: { kind: file.text, path: a.txt, content: \"${stack.base.name}\" }
",
        )
        .stack(
            "base",
            "stack: base
resources:
  word: { kind: data.value, input: base }
outputs:
  name: ${word.output}
",
        );
    assert_eq!(project.run(["check"]).code, 0, "what is declared can be read");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    base  1 to create  N.NN s

      + data.value  word  input base

      outputs
        + name  (known after apply: word.output)

    Apply it:  windlass apply base      Keep it:  windlass plan base -o base.plan
    app  as it will be after base:
    app  1 to create  N.NN s

      + file.text  note  path a.txt, content (known after apply: stack.base.name)

    Apply it:  windlass apply base app
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["apply", "-y"]), @r#"
    base  1 to create  N.NN s

      + data.value  word  input base

      outputs
        + name  (known after apply: word.output)

    base  apply, run 1: 1 step
      ✓ data.value  word  created  N.NN s
    base  applied: 1 created  N.NN s
      name  base
    app  1 to create  N.NN s

      + file.text  note  path a.txt, content base

    app  apply, run 2: 1 step
      ✓ file.text  note  created  N.NN s
    app  applied: 1 created  N.NN s
    --- exit 0
    "#);
    assert_eq!(project.read("a.txt"), "base");
}

#[test]
fn parameters_come_from_flags_files_and_the_environment() {
    let text = "stack: shop
parameters:
  a: { default: one }
  b-b: { default: one }
  c: { default: one }
resources:
  note: { kind: file.text, path: a.txt, content: \"${a} ${b-b} ${c}\" }
";
    let project = TestProject::new()
        .stack("shop", text)
        .file("shop.params.yml", "a: file\nb-b: file\n")
        .variable("WINDLASS_PARAM_B_B", "environment")
        .variable("WINDLASS_PARAM_C", "environment");
    project.done(["apply", "-y", "--params", "shop.params.yml", "--param", "a=flag"]);
    assert_eq!(project.read("a.txt"), "flag file environment");
}

#[test]
fn without_a_look_at_the_world_a_plan_relies_on_what_is_remembered() {
    let project = TestProject::of(TWO);
    project.done(["apply", "-y"]);
    project.write("a.txt", "edited");
    assert_eq!(project.run(["plan", "--detailed-exitcode", "--refresh=false"]).code, 0);
    assert_eq!(project.run(["plan", "--detailed-exitcode"]).code, 3);
}

#[test]
fn the_end_of_a_stack_can_be_planned_and_kept_and_is_not_applied_unasked() {
    let project = TestProject::of(TWO);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["plan", "shop", "--destroy", "-o", "end.plan"]), @r#"
    shop  2 to destroy  N.NN s

      - file.text  copy  destroyed
      - file.text  note  destroyed

    Apply it:  windlass apply end.plan --allow-deletes 2
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["apply", "end.plan"]), @r#"
    shop  2 to destroy  N.NN s

      - file.text  copy  destroyed
      - file.text  note  destroyed

    --- stderr
    refused: it would destroy 2 of 2 resources, and that is everything
        try: look at the plan; if it is meant, say so: `--allow-deletes 2`
    --- exit 4
    "#);
    project.done(["apply", "end.plan", "--allow-deletes", "all"]);
    assert!(!project.place("a.txt").exists());
}

#[test]
fn flags_for_one_stack_are_refused_for_several() {
    let empty = |name: &str| format!("stack: {name}\nparameters: {{ a: {{ default: b }} }}\n");
    let project = TestProject::new().stack("one", &empty("one")).stack("two", &empty("two"));
    insta::assert_snapshot!(project.run(["plan", "-o", "all.plan"]), @r#"
    --- stderr
    error: `-o` is for one stack, and 2 are meant
        try: name one
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["plan", "--param", "aa=b"]), @r#"
    --- stderr
    error: no stack has a parameter `aa`
        try: did you mean `a`?
    --- exit 2
    "#);
    for verb in ["drift", "apply"] {
        let answer = project.run([verb, "--param", "aa=b"]);
        assert_eq!(answer.code, 2, "{verb} {answer}");
        assert!(answer.stderr.contains("did you mean `a`?"), "{verb} {answer}");
    }
    insta::assert_snapshot!(project.run(["plan", "three"]), @r#"
    --- stderr
    error: there is no stack `three`
        try: there are `one` or `two`
    --- exit 2
    "#);
}

#[test]
fn flags_that_say_what_to_plan_come_too_late_for_a_kept_plan() {
    let project = TestProject::of(TWO);
    project.done(["plan", "-o", "shop.plan"]);
    insta::assert_snapshot!(project.run(["apply", "shop.plan", "--target", "note"]), @r#"
    --- stderr
    error: `--target` says what to plan, and shop.plan is a plan already
        try: give it to `windlass plan -o shop.plan`
    --- exit 2
    "#);
    for flags in [
        vec!["--param", "a=1"],
        vec!["--params", "file.yml"],
        vec!["--exclude", "note"],
        vec!["--replace", "note"],
        vec!["--as", "other"],
        vec!["--refresh=false"],
    ] {
        let kept = ["apply", "shop.plan", "-y"];
        let answer = project.run(kept.into_iter().chain(flags.iter().copied()));
        assert_eq!(answer.code, 2, "{flags:?} {answer}");
        let shown = ["plan", "--show", "shop.plan"];
        let answer = project.run(shown.into_iter().chain(flags.iter().copied()));
        assert_eq!(answer.code, 2, "{flags:?} {answer}");
    }
    assert!(!project.place("a.txt").exists());
    project.done(["apply", "shop.plan"]);
    assert!(project.place("a.txt").exists());
}

#[test]
fn the_end_of_a_stack_has_no_parameters() {
    let project = TestProject::of(TWO);
    project.done(["apply", "-y"]);
    for flags in [["--param", "a=1"], ["--params", "a"], ["--as", "b"], ["--replace", "note"]] {
        let end = ["plan", "shop", "--destroy"];
        let answer = project.run(end.into_iter().chain(flags));
        assert_eq!(answer.code, 2, "{flags:?} {answer}");
    }
}

#[test]
fn the_command_that_applies_it_says_all_that_was_asked() {
    let project = TestProject::new().stack(
        "shop",
        "stack: shop
parameters:
  who: { default: world }
  token: { type: secret, default: a-token-of-ours }
resources:
  note: { kind: file.text, path: a.txt, content: \"hello ${who}\" }
  rest: { kind: file.text, path: c.txt, content: \"${token}\" }
",
    );
    project.write("more.yml", "who: it's you\n");
    insta::assert_snapshot!(
        project.run(["plan", "shop", "--param", "who=Ada L.", "--target", "note", "--as", "x"]),
        @r#"
    x  1 to create  N.NN s

      + file.text  note  path a.txt, content hello Ada L.

    Apply it:  windlass apply stacks/shop.yml --param 'who=Ada L.' --target note --as x
    Keep it:   windlass plan stacks/shop.yml -o x.plan --param 'who=Ada L.' --target note --as x
    --- exit 0
    "#
    );
    insta::assert_snapshot!(
        project.run(["plan", "--params", "more.yml", "--param", "token=never-to-be-shown"]),
        @r#"
    shop  2 to create  N.NN s

      + file.text  note  path a.txt, content hello it's you
      + file.text  rest  mode 0600, as it holds a secret: path c.txt, content (secret)

    Apply it:  windlass apply shop --param token=(secret) --params more.yml
    Keep it:   windlass plan shop -o shop.plan --param token=(secret) --params more.yml
    --- exit 0
    "#
    );
    insta::assert_snapshot!(project.run(["apply", "--params", "more.yml"]), @r#"
    shop  2 to create  N.NN s

      + file.text  note  path a.txt, content hello it's you
      + file.text  rest  mode 0600, as it holds a secret: path c.txt, content (secret)

    --- stderr
    error: nobody can be asked here whether to go on
        try: look at the plan above, then say yes: `windlass apply --params more.yml --yes`
    --- exit 2
    "#);
    project.done(["apply", "--yes"]);
    insta::assert_snapshot!(project.run(["plan", "--destroy", "shop", "--exclude", "note"]), @r#"
    shop  1 to destroy  N.NN s

      - file.text  rest  destroyed

    Destroy it:  windlass destroy shop --exclude note
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["destroy", "shop", "--exclude", "note", "--yes"]), @r#"
    shop  1 to destroy  N.NN s

      - file.text  rest  destroyed

    shop  destroy, run 2: 1 step
      ✓ file.text  rest  destroyed  N.NN s
    shop  destroyed: 1 resource  N.NN s
    --- exit 0
    "#);
}

#[test]
fn a_plan_that_is_kept_says_so_where_it_changes_nothing() {
    let project = TestProject::of("  note: { kind: file.text, path: a.txt, content: hello }\n");
    project.done(["apply", "--yes"]);
    insta::assert_snapshot!(project.run(["plan", "-o", "no.plan"]), @r#"
    shop  unchanged, 1 resource  N.NN s
    no.plan is kept: it changes nothing
    --- exit 0
    "#);
}

#[test]
fn a_plan_says_what_is_in_the_way_and_what_goes_along() {
    let project = TestProject::of(
        "  box: { kind: file.directory, path: run/box, recursive: true }
  note: { kind: file.text, path: run/note, content: hello }
",
    );
    project.write("run/note", "somebody's");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  2 to create  N.NN s

      + file.directory  box   path run/box, recursive true
      + file.text       note  cannot be made now: run/note is there already, with another content: path run/note, content hello

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    project.write("run/note", "hello");
    project.done(["apply", "-y"]);
    project.write("run/box/a", "x");
    project.write("run/box/b/c", "x");
    insta::assert_snapshot!(project.run(["plan", "--destroy", "shop"]), @r#"
    shop  2 to destroy  N.NN s

      - file.directory  box   destroyed, 2 files in it go too
      - file.text       note  destroyed

    Destroy it:  windlass destroy shop
    --- exit 0
    "#);
    let inner = "  inner: { kind: file.text, path: run/box/inner, content: x }\n";
    project.write("stacks/other.yml", format!("stack: other\nresources:\n{inner}"));
    project.done(["apply", "other", "-y"]);
    insta::assert_snapshot!(project.run(["destroy", "shop", "-y"]), @r#"
    shop  2 to destroy  N.NN s

      - file.directory  box   destroyed, 3 files in it go too
      - file.text       note  destroyed

      ! box cannot be destroyed: in run/box lies run/box/inner, which inner of the stack other has made
        and keeps
    It cannot be applied.

    --- stderr
    refused: this plan cannot be applied
        - box cannot be destroyed: in run/box lies run/box/inner, which inner of the stack other has
          made and keeps
    --- exit 4
    "#);
    assert_eq!(project.read("run/box/inner"), "x");
    let same = "  same: { kind: file.text, path: run/note, content: y, adopt: true }\n";
    project.write("stacks/other.yml", format!("stack: other\nresources:\n{inner}{same}"));
    insta::assert_snapshot!(project.run(["plan", "other"]), @r#"
    --- stderr
    error[W031]: `same` and `note` of the stack `shop` are both file `run/note`
      ╭▸ stacks/other.yml:4:3
      │
    4 │   same: { kind: file.text, path: run/note, content: y, adopt: true }
      │   ━━━━
      │
      ╰ help: let one of them be another thing; or let `shop` forget it first (`removed:` with
              `destroy: false`)

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn paths_that_are_not_to_be_had_are_refused() {
    let project = TestProject::of(
        "  root: { kind: file.directory, path: /, adopt: true, recursive: true }
  project: { kind: file.directory, path: run/.. }
  around: { kind: file.archive, source: a.tar, destination: ../.. }
  key: { kind: file.text, path: .windlass/key, content: x, adopt: true }
  zone: { kind: dns.zone, path: .windlass/a.zone, name: a.test, name_servers: [ns1] }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: this is the root of all files: choose a path of its own
      ╭▸ stacks/shop.yml:3:39
      │
    3 │   root: { kind: file.directory, path: /, adopt: true, recursive: true }
      ╰╴                                      ━

    error[W014]: this is the project itself: choose a path of its own
      ╭▸ stacks/shop.yml:4:42
      │
    4 │   project: { kind: file.directory, path: run/.. }
      ╰╴                                         ━━━━━━

    error[W014]: this is the project itself, or a folder around it: choose a path of its own
      ╭▸ stacks/shop.yml:5:61
      │
    5 │   around: { kind: file.archive, source: a.tar, destination: ../.. }
      ╰╴                                                            ━━━━━

    error[W014]: this is where windlass keeps its state and its key: choose a path of its own
      ╭▸ stacks/shop.yml:6:33
      │
    6 │   key: { kind: file.text, path: .windlass/key, content: x, adopt: true }
      ╰╴                                ━━━━━━━━━━━━━

    error[W014]: this is where windlass keeps its state and its key: choose a path of its own
      ╭▸ stacks/shop.yml:7:33
      │
    7 │   zone: { kind: dns.zone, path: .windlass/a.zone, name: a.test, name_servers: [ns1] }
      ╰╴                                ━━━━━━━━━━━━━━━━

    1 file checked, 5 errors.                                                                     exit 2
    --- exit 2
    "#);
}

#[test]
fn a_secret_does_not_hide_what_else_changes() {
    const SECRET: &str = "WINDLASS_SECRET_TOKEN";
    let stack = |port: &str| {
        format!(
            "stack: shop
resources:
  site:
    kind: file.template
    path: ./site.conf
    template: templates/site.hbs
    values: {{ port: {port}, token: \"${{secret.token}}\" }}
  note:
    kind: file.text
    path: note.env
    content: |
      PORT={port}
      TOKEN=${{secret.token}}
      HOST=here
"
        )
    };
    let project = TestProject::new()
        .stack("shop", &stack("80"))
        .file("templates/site.hbs", "listen {{port}}\ntoken {{token}}\nhost here\n")
        .variable(SECRET, "canary-of-one");
    project.done(["apply", "-y"]);
    project.write("stacks/shop.yml", stack("81").replace("./site", "site"));
    project.write("templates/site.hbs", "listen {{port}}\ntoken {{token}}\nhost there\n");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  2 to update  N.NN s

      ~ file.template  site
          content        (holds a secret, changed)
          template       content  1 line changed   stacks/shop.yml:6
            listen {{port}}
            token {{token}}
          - host here
          + host there
          values         port    80 → 81           stacks/shop.yml:7
      ~ file.text      note
          content        1 line changed           stacks/shop.yml:12
          - PORT=80
          + PORT=81
            TOKEN=(secret)
            HOST=here

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    project.done(["apply", "-y"]);
    assert_eq!(project.read("site.conf"), "listen 81\ntoken canary-of-one\nhost there\n");
    let project = project.variable(SECRET, "canary-of-two");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  2 to update  N.NN s

      ~ file.template  site
          content        (holds a secret, changed)
          values         token   (secret, changed)    stacks/shop.yml:7
      ~ file.text      note
          content        (holds a secret, changed)   stacks/shop.yml:12

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    project.done(["apply", "-y"]);
    project.write("note.env", "TOKEN=somebody's");
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  1 to update, 1 unchanged  N.NN s

      ~ file.text  note  not as it was applied
          content        (holds a secret, changed)   stacks/shop.yml:12

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
}
