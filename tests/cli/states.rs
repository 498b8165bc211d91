//! What is remembered: looking at it, changing it by hand, importing, names that change.

use crate::cli::project::{TestProject, until};

const NOTE: &str = "  note: { kind: file.text, path: a.txt, content: hello }\n";

#[test]
fn state_is_listed_and_shown() {
    let project = TestProject::of(NOTE);
    insta::assert_snapshot!(project.run(["state", "list"]), @r#"
    nothing is remembered
    --- exit 0
    "#);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["state", "list"]), @r#"
    shop  1 resource
      file.text  note  run 1  a.txt
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["state", "show", "shop", "nota"]), @r#"
    --- stderr
    error: nothing is remembered as `nota` in the stack `shop`
        try: did you mean `note`?
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["state", "show", "note"]), @r#"
    --- stderr
    error: `note` does not name one resource
        try: write STACK/ADDRESS; `windlass state list` lists them
    --- exit 2
    "#);
}

#[test]
fn a_resource_is_shown_in_full() {
    let project = TestProject::of("  word: { kind: data.value, input: hello, protect: true }\n");
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["state", "show", "shop/word"]), @r#"
    shop/word  data.value
      id          NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN
      changed by  run 1
      protected   it is not destroyed or replaced

      as applied
        input  hello

      as it was found then
        output  hello
        serial  NNNNNNNNNNNN
    --- exit 0
    "#);
}

#[test]
fn a_resource_gets_another_address_by_hand() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["state", "mv", "shop/note", "memo"]), @r#"
    shop  note is memo from now on
    --- exit 0
    "#);
    project.write(
        "stacks/shop.yml",
        "stack: shop
resources:
  memo: { kind: file.text, path: a.txt, content: hello }
",
    );
    assert_eq!(project.run(["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn a_resource_is_forgotten_and_goes_on_to_exist() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["state", "rm", "shop", "note"]), @r#"
    shop  note is forgotten; a.txt goes on to exist
    --- exit 0
    "#);
    assert_eq!(project.read("a.txt"), "hello");
    insta::assert_snapshot!(project.run(["state", "list"]), @r#"
    nothing is remembered
    --- exit 0
    "#);
}

#[test]
fn what_exists_is_imported() {
    let project = TestProject::of(NOTE).file("a.txt", "older");
    insta::assert_snapshot!(project.run(["import", "shop", "note", "a.txt"]), @r#"
    note  is file.text a.txt from now on
    what differs:  windlass plan shop
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  1 to update  N.NN s

      ~ file.text  note
          content        older → hello   stacks/shop.yml:3

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["import", "shop", "note", "a.txt"]), @r#"
    --- stderr
    error: `note` is remembered already in the stack `shop`
        try: `windlass state show` prints it
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["import", "shop", "nota", "a.txt"]), @r#"
    --- stderr
    error: no resource `nota` is waiting to be made
        try: write its block first: an import says what exists, the file what is wanted
    --- exit 2
    "#);
}

#[test]
fn moved_and_removed_blocks_say_what_became_of_a_name() {
    let project = TestProject::of(&format!(
        "{NOTE}  old: {{ kind: file.text, path: b.txt, content: stays }}\n"
    ));
    project.done(["apply", "-y"]);
    project.write(
        "stacks/shop.yml",
        "stack: shop
resources:
  memo: { kind: file.text, path: a.txt, content: hello }
moved:
  - { from: note, to: memo }
removed:
  - { address: old, destroy: false }
",
    );
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  1 to forget, 1 to remember  N.NN s

      » file.text  memo  renamed, was note
      ∅ file.text  old   stays, and is no longer looked after

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    project.done(["apply", "-y"]);
    assert_eq!(project.read("b.txt"), "stays");
    insta::assert_snapshot!(project.run(["state", "list"]), @r#"
    shop  1 resource
      file.text  memo  run 1  a.txt
    --- exit 0
    "#);
}

#[test]
fn the_name_of_what_was_moved_is_not_given_to_another_one() {
    let service = |name: &str| {
        format!("  {name}: {{ kind: process.service, command: [sleep, '60'], restart: never }}\n")
    };
    let project = TestProject::of(&service("web"));
    let made = project.run(["apply", "-y"]);
    let moved = "moved:\n  - { from: web, to: site }\n";
    let stack = |resources: &str, rest: &str| {
        project.write("stacks/shop.yml", format!("stack: shop\nresources:\n{resources}{rest}"));
    };
    stack(&service("site"), moved);
    let renamed = project.run(["apply", "-y"]);
    stack(&[service("site"), service("web")].concat(), "");
    let refused = project.run(["apply", "-y"]);
    let replaced = project.run(["apply", "shop", "--target", "site", "--replace", "site", "-y"]);
    let both = project.run(["apply", "-y"]);
    let ids = ["site", "web"].map(|name| {
        let shown = project.run(["state", "show", &format!("shop/{name}")]).stdout;
        shown.lines().find(|line| line.contains(" id ")).unwrap_or_default().trim().to_owned()
    });
    project.run(["destroy", "shop", "-y"]);
    for answer in [made, renamed, replaced, both] {
        assert_eq!(answer.code, 0, "{answer}");
    }
    insta::assert_snapshot!(refused, @r#"
    --- stderr
    error[W031]: `web` would be the same as `site`, which goes by the name `shop/web` since it was moved
      ╭▸ stacks/shop.yml:4:3
      │
    4 │   web: { kind: process.service, command: [sleep, '60'], restart: never }
      │   ━━━
      │
      ╰ help: call this one something else; or give `site` a name of its own first: `windlass
              apply shop --target site --replace site` ends it and makes it anew

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
    assert_eq!(
        ids.map(|id| id.split_whitespace().last().unwrap_or_default().to_owned()),
        ["shop/site", "shop/web"]
    );
}

#[test]
fn drift_shows_what_was_changed_outside_and_changes_nothing() {
    let project = TestProject::of(NOTE);
    project.done(["apply", "-y"]);
    insta::assert_snapshot!(project.run(["drift", "--detailed-exitcode"]), @r#"
    shop  as it was applied, 1 resource  N.NN s
    --- exit 0
    "#);
    project.write("a.txt", "somebody else\n");
    insta::assert_snapshot!(project.run(["drift", "--detailed-exitcode"]), @r#"
    shop  1 of 1 differs from what was applied  N.NN s

      ~ file.text  note  not as it was applied
          content        hello → somebody else

    What an apply would do:  windlass plan shop
    --- exit 3
    "#);
    assert_eq!(project.read("a.txt"), "somebody else\n");
}

#[test]
fn secrets_are_kept_listed_and_taken_out_and_never_shown() {
    let project = TestProject::of(
        "  note: { kind: file.text, path: a.txt, mode: \"0600\", content: \"password=${secret.password}\" }\n",
    );
    insta::assert_snapshot!(
        project.with_input(["secret", "set", "password"], "correct-horse-battery\n"), @r#"
    password is kept, encrypted, in secrets.age
    --- exit 0
    "#);
    insta::assert_snapshot!(project.with_input(["secret", "set", "short"], "abc\n"), @r#"
    --- stderr
    error: the secret `short` is too short to be covered in logs: use at least 6 characters
        try: names have letters, digits, `_` and `-`; texts are long enough to be covered in logs
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["secret", "list"]), @r#"
    password
    --- exit 0
    "#);
    let applied = project.done(["apply", "-y"]);
    assert!(!applied.stdout.contains("correct-horse"), "{applied}");
    assert_eq!(project.read("a.txt"), "password=correct-horse-battery");
    let shown = project.run(["state", "show", "shop/note"]);
    assert!(!shown.stdout.contains("correct-horse"), "{shown}");
    insta::assert_snapshot!(project.run(["secret", "rm", "password"]), @r#"
    password is no longer kept
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["secret", "rm", "password"]), @r#"
    --- stderr
    error: there is no secret `password`
        try: `windlass secret list`
    --- exit 2
    "#);
}

#[test]
fn another_text_of_a_secret_is_wanted_and_no_drift() {
    let project = TestProject::of(
        "  job: { kind: command.run, create: 'true', environment: { TOKEN: \"${secret.token}\" } }\n",
    );
    project.with_input(["secret", "set", "token"], "the-first-of-two\n");
    project.done(["apply", "-y"]);
    project.with_input(["secret", "set", "token"], "the-second-of-two\n");
    let drift = project.done(["drift", "--detailed-exitcode"]);
    assert!(drift.stdout.contains("as it was applied"), "{drift}");
    let plan = project.done(["plan"]);
    assert!(plan.stdout.contains("1 to update") && plan.stdout.contains("environment"), "{plan}");
    assert!(!plan.stdout.contains("outside"), "{plan}");
}

#[test]
fn a_certificate_that_is_due_has_been_touched_by_nobody() {
    let project = TestProject::of(
        "  ca: { kind: cert.authority, path: ca, common_name: Lab }
  site:
    kind: cert.certificate
    path: site
    authority: ${ca.certificate_path}
    names: [localhost]
    days: 1
    # It is due two seconds after it was made.
    renew_before: 86398s
",
    );
    project.done(["apply", "-y"]);
    let plan = || project.done(["plan"]);
    until("it is due", || plan().stdout.contains("1 to update"));
    let plan = plan();
    assert!(plan.stdout.contains("due: valid until"), "{plan}");
    assert!(!plan.stdout.contains("outside"), "{plan}");
    let drift = project.done(["drift", "--detailed-exitcode"]);
    assert!(drift.stdout.contains("as it was applied"), "{drift}");
    project.write("site/current/chain.pem", "somebody else");
    let drift = project.done(["drift"]);
    assert!(drift.stdout.contains("not as it was applied"), "{drift}");
}

#[test]
fn the_graph_says_what_needs_what() {
    let project = TestProject::of(&format!(
        "{NOTE}  copy: {{ kind: file.text, path: b.txt, content: \"${{note.path}}\" }}\n"
    ));
    insta::assert_snapshot!(project.run(["graph", "shop"]), @r#"
    digraph "shop" {
      rankdir = LR;
      node [shape = box, style = rounded];
      "note" [label = "note\nfile.text"];
      "copy" [label = "copy\nfile.text"];
      "note" -> "copy";
    }
    --- exit 0
    "#);
    let drawn = project.done(["graph", "shop", "--svg"]);
    assert!(drawn.stdout.starts_with("<svg"), "{drawn}");
}

#[test]
fn what_to_do_leads_on() {
    let project = TestProject::of("  note: { kind: file.text, path: a.txt, content: hello }\n");
    project.write("a.txt", "hello");
    insta::assert_snapshot!(project.run(["import", "shop", "note", "b.txt"]), @r#"
    --- stderr
    error: there is no file.text `b.txt`
        try: by its block it is `a.txt`
    --- exit 1
    "#);
    project.done(["import", "shop", "note", "a.txt"]);
    project.done(["state", "mv", "shop/note", "shop/text"]);
    insta::assert_snapshot!(project.run(["state", "mv", "shop/text", "base/text"]), @r#"
    --- stderr
    error: `base/text` is in another stack, and a resource stays in its own
        try: write `shop/text text`
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  1 to remember  N.NN s

      » file.text  note  renamed, was text

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["destroy", "shop", "--target", "nobody"]), @r#"
    --- stderr
    error: nothing in the stack `shop` is called `nobody`
        try: `windlass state list shop` lists what there is
    --- exit 2
    "#);
    insta::assert_snapshot!(project.run(["outputs", "shop"]), @r#"
    --- stderr
    error: nothing is remembered of outputs of the stack `shop`
        try: if its file has `outputs`, apply it to its end: windlass apply shop
    --- exit 2
    "#);
}

#[test]
fn an_address_is_known_by_its_whole_name_and_nothing_else_is_one() {
    let project = TestProject::of(
        "  note: { kind: data.value, input: a }\n  other: { kind: data.value, input: b }\n",
    );
    project.done(["apply", "-y"]);
    for target in ["note", "shop/note", "shop/data.value/note"] {
        let planned = project.done(["plan", "shop", "--replace", target, "--target", target]);
        assert!(planned.stdout.contains("1 to replace"), "{target}: {planned}");
    }
    let refused = ["", "new.name", "shop/", "other", "shop/other", "a/b"];
    let answers = refused.map(|to| project.run(["state", "mv", "shop/note", to]).to_string());
    insta::assert_snapshot!(answers.join("\n"), @r#"
    --- stderr
    error: `` cannot be the address of a resource
        try: such as `web`, `web[0]` or `web[one]`
    --- exit 2
    --- stderr
    error: `new.name` cannot be the address of a resource
        try: such as `web`, `web[0]` or `web[one]`
    --- exit 2
    --- stderr
    error: `` cannot be the address of a resource
        try: such as `web`, `web[0]` or `web[one]`
    --- exit 2
    --- stderr
    error: `other` is remembered already in the stack `shop`
        try: `windlass state show` prints it
    --- exit 2
    --- stderr
    error: `other` is remembered already in the stack `shop`
        try: `windlass state show` prints it
    --- exit 2
    --- stderr
    error: `a/b` is in another stack, and a resource stays in its own
        try: write `shop/note b`
    --- exit 2
    "#);
    assert!(project.done(["plan"]).stdout.contains("unchanged"));
}

#[test]
fn protection_that_comes_and_goes_is_a_part_of_the_plan() {
    let block = "  note: { kind: data.value, input: a }\n";
    let project = TestProject::of(block);
    project.done(["apply", "-y"]);
    let of = |more: &str| format!("stack: shop\nresources:\n{}", block.replace("input: a", more));
    project.write("stacks/shop.yml", of("input: a, protect: true"));
    let comes = project.run(["plan", "--detailed-exitcode"]);
    project.done(["apply", "-y"]);
    project.write("stacks/shop.yml", of("input: a"));
    insta::assert_snapshot!(format!("{comes}\n{}", project.run(["plan"])), @r#"
    shop  1 to remember  N.NN s

      » data.value  note  protected from now on

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 3
    shop  1 to remember  N.NN s

      » data.value  note  no longer protected

    Apply it:  windlass apply shop      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
}

#[test]
fn what_an_apply_is_about_to_make_is_not_said_to_be_gone() {
    let project =
        TestProject::of("  slow: { kind: command.run, create: \"touch begun; sleep 30\" }\n");
    let apply = project.start(["apply", "-y"]);
    until("it is at work", || project.place("begun").exists());
    let refused = project.run(["destroy", "shop", "-y"]);
    assert_eq!(refused.code, 4, "{refused}");
    apply.signal(rustix::process::Signal::KILL);
    apply.end();
    project.done(["destroy", "shop", "-y"]);
}
