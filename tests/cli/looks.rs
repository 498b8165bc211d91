//! Forms of output: JSON lines, colours, pages, completions, and readers that go away.

use std::io::Read;

use serde_json::Value;

use crate::cli::project::TestProject;

const NOTE: &str = "  note: { kind: file.text, path: a.txt, content: hello }
outputs: { file: \"${note.path}\" }
";

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn json_is_one_event_a_line_for_every_command() {
    let project = TestProject::of(NOTE).file(
        "pipelines/ship.yml",
        "pipeline: ship
steps:
  build: { run: [echo building] }
",
    );
    project.with_input(["secret", "set", "password"], "correct-horse-battery");
    for (command, types) in [
        (vec!["check"], "checked"),
        (vec!["plan"], "plan"),
        (
            vec!["apply", "-y"],
            "plan run_began step_running step_ended step_running step_ended run_ended outputs",
        ),
        (vec!["run", "ship"], "run_began step_running step_line step_ended run_ended"),
        (vec!["drift"], "drift"),
        (vec!["state", "list"], "resource"),
        (vec!["state", "show", "shop/note"], "resource"),
        (vec!["runs"], "run run"),
        (vec!["runs", "show", "2"], "run step"),
        (vec!["logs", "2"], "log"),
        (vec!["outputs", "shop"], "outputs"),
        (vec!["secret", "list"], "secret"),
        (vec!["state", "mv", "shop/note", "memo"], "moved"),
        (vec!["state", "rm", "shop/memo"], "forgotten"),
        (vec!["import", "shop", "note", "a.txt"], "imported"),
        (vec![], "here"),
    ] {
        let answer = project.run(command.iter().copied().chain(["--json"]));
        assert_eq!(answer.code, 0, "{command:?} {answer}");
        assert_eq!(answer.stderr, "", "{command:?}");
        let found: Vec<String> = events(&answer.stdout)
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found.join(" "), types, "{command:?}");
    }
}

/// What is asked of a command, where its name alone is not enough.
fn asked(verb: &str) -> Option<Vec<&'static str>> {
    Some(match verb {
        "init" => vec!["init", "fresh"],
        "plan" => vec!["plan", "-o", "shop.plan"],
        "apply" => vec!["apply", "-y"],
        "destroy" => vec!["destroy", "other", "-y"],
        "run" => vec!["run", "ship"],
        "outputs" => vec!["outputs", "shop"],
        "graph" => vec!["graph", "shop"],
        "state" => vec!["state", "list"],
        "import" => vec!["import", "shop", "note", "a.txt"],
        "rollback" => vec!["rollback", "shop"],
        "backup" => vec!["backup", "list"],
        "restore" => vec!["restore", "shop/db", "1", "out"],
        "approve" => vec!["approve", "1"],
        "reject" => vec!["reject", "1"],
        "secret" => vec!["secret", "list"],
        "completions" => vec!["completions", "bash"],
        "explain" => vec!["explain", "json"],
        "check" | "serve" | "runs" | "logs" | "drift" | "schema" | "doctor" | "man" => return None,
        other => panic!("{other} is not tried"),
    })
}

#[test]
fn json_is_all_that_any_command_prints() {
    let project = TestProject::of(NOTE)
        .file("pipelines/ship.yml", "pipeline: ship\nsteps:\n  build: { run: [echo building] }\n");
    let project = project.stack("other", "stack: other\n");
    project.with_input(["secret", "set", "password"], "correct-horse-battery");
    project.done(["apply", "-y"]);
    project.done(["run", "ship"]);
    let help = project.done(["--help"]).stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // What is indented further is the rest of a long line.
    let named = commands.lines().filter(|line| !line.starts_with("   "));
    let verbs: Vec<&str> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    for verb in &verbs {
        let arguments = asked(verb).unwrap_or_else(|| vec![verb]);
        let answer = project.run(arguments.iter().copied().chain(["--json"]));
        assert!(!events(&answer.stdout).is_empty(), "{arguments:?} says nothing: {answer}");
        // What cannot be understood is told in the same way.
        let wrong = project.run([verb, "--no-such-flag", "--json"]);
        assert_eq!((wrong.code, wrong.stderr.as_str()), (2, ""), "{verb}");
        assert_eq!(events(&wrong.stdout)[0]["type"], "error", "{verb}");
    }
}

#[test]
fn json_holds_problems_too() {
    let project = TestProject::of("  note: { kind: file.text, path: a.txt, contnet: hello }\n");
    let answer = project.run(["check", "--json"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (2, ""));
    insta::assert_snapshot!(answer.stdout, @r#"
    {"type":"diagnostic","code":"W012","severity":"error","message":"unknown key `contnet`","file":"stacks/shop.yml","line":3,"column":41,"end_line":3,"end_column":48,"label":"did you mean `content`?","help":null,"related":[]}
    {"type":"checked","files":["stacks/shop.yml"],"errors":1,"warnings":0}
    "#);
    insta::assert_snapshot!(project.run(["logs", "7", "--json"]), @r#"
    {"type":"error","message":"there is no run 7","details":[],"help":"`windlass runs` lists them","exit":2}
    --- exit 2
    "#);
}

#[test]
fn every_event_stands_on_the_page() {
    let page = TestProject::new().done(["explain", "json"]).stdout;
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut found = 0;
    for file in walk(sources.as_ref()) {
        let text = std::fs::read_to_string(&file).unwrap();
        for part in text.split(".event(").skip(1) {
            let Some(name) =
                part.trim_start().strip_prefix('"').and_then(|name| name.split('"').next())
            else {
                continue;
            };
            found += 1;
            assert!(
                page.contains(&format!("`{name}`")),
                "{name} of {} is not described",
                file.display()
            );
        }
    }
    assert!(found > 20, "only {found} events were found");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn colours_are_for_terminals_and_who_asks() {
    let project = TestProject::of(NOTE);
    assert!(!project.run(["plan"]).stdout.contains('\u{1b}'));
    assert!(project.run(["plan", "--color", "always"]).stdout.contains('\u{1b}'));
    let quiet = TestProject::of(NOTE).variable("NO_COLOR", "1");
    assert!(!quiet.run(["plan"]).stdout.contains('\u{1b}'));
    let plain = TestProject::of(NOTE).variable("LC_ALL", "C");
    assert!(plain.run(["plan"]).stdout.is_ascii());
}

#[test]
fn help_names_every_command() {
    insta::assert_snapshot!(TestProject::new().run(["--help"]), @"
    Plans and applies infrastructure from YAML files, and runs pipelines.

    Without a command it says what can be done here and now.

    Usage: windlass [OPTIONS] [COMMAND]

    Commands:
      init         Make a commented first project
      check        Check files: all errors of all of them at once
      plan         Show what would change, and why
      apply        Make it so: plan, show, ask, apply
      destroy      Destroy everything in stacks
      rollback     Go back to the version before, which still stands by
      run          Run a pipeline
      runs         List runs, newest first
      approve      Approve a gate of a run that waits, and go on with the run
      reject       Reject a gate of a run that waits, and go on with the run: the gate fails
      logs         Print what steps of a run wrote, or what a service writes
      serve        Host repositories: a push runs their pipelines
      outputs      Print the outputs of a stack
      backup       Back up what jobs say, list what there is, verify it, try a restore, remove what is
                   old
      restore      Restore a snapshot into a folder of its own
      drift        Show what is not as it was applied
      graph        Draw what needs what
      state        Look at what is remembered, and change it by hand
      import       Take something that exists into the state, as the resource that the file says it is
      secret       Keep secrets, encrypted, in the repository
      explain      Explain a kind of resource or a type of file: its example and all keys
      schema       Print the JSON Schema of a file type, for editors
      doctor       See whether this machine and this project are ready
      completions  Print completions for a shell
      man          Write manual pages

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Everywhere:
          --project <FOLDER>
              The project's folder; otherwise the nearest one upwards from here

          --json
              Write one JSON event a line (`windlass explain json` lists them)

          --color <WHEN>
              Colours; `NO_COLOR` is honoured

              Possible values:
              - auto:   On a terminal
              - always: Always
              - never:  Never

      -q, --quiet
              Only answers and errors

    Exit codes: 0 done, 1 failed, 2 wrong arguments or files, 3 changes pending (with
    --detailed-exitcode), 4 refused (protected, too many deletions, a restore that cannot begin, stale
    or used plan, somebody else is at work), 5 a run waits for approval.
    --- exit 0
    ");
    insta::assert_snapshot!(TestProject::new().run(["plna"]), @r#"
    --- stderr
    error: unrecognized subcommand 'plna'

      tip: some similar subcommands exist: 'explain', 'plan'

    Usage: windlass [OPTIONS] [COMMAND]

    For more information, try '--help'.
    --- exit 2
    "#);
}

#[test]
fn help_of_a_command_explains_every_flag() {
    insta::assert_snapshot!(TestProject::new().run(["apply", "--help"]), @"
    Make it so: plan, show, ask, apply

    Several stacks are applied one after the other, each after those whose outputs it reads. Where
    nobody can be asked (in CI, in a pipe), a plan with changes needs --yes, or is kept with `windlass
    plan -o FILE` and applied as a file; without either nothing is done and the exit code is 2.

    Usage: windlass apply [OPTIONS] [STACKS or PLAN]...

    Arguments:
      [STACKS or PLAN]...
              Stacks, by name or file, or one plan that was kept; by default all stacks of the project

    Options:
      -y, --yes
              Do not ask

          --allow-deletes <NUMBER>
              Let one run destroy or replace so many resources, or `all`; by default at most 30 % of a
              stack of four resources or more, and never all of a stack

          --wait <TIME>
              Wait so long if another run is at work, such as 10m

          --parallel <NUMBER>
              So many steps at once

          --target <ADDRESS>
              Only this resource and what it needs; may be repeated

          --exclude <ADDRESS>
              All but this resource and what needs it; may be repeated

          --replace <ADDRESS>
              Replace this resource whatever it is; may be repeated

          --refresh[=<BOOL>]
              Look at the world first (`--refresh=false` relies on what is remembered)
              
              [possible values: true, false]

          --as <NAME>
              Another name for the stack, so that one file can stand for several

          --param <NAME=VALUE>
              Give a parameter; also `WINDLASS_PARAM_NAME` in the environment
              
              [alias: --parameter]

          --param-file <NAME=FILE>
              Give a parameter the text of a file, such as a certificate

          --params <FILE>
              Give the parameters that stand in a YAML file, `name: value` each

      -h, --help
              Print help (see a summary with '-h')

    Everywhere:
          --project <FOLDER>
              The project's folder; otherwise the nearest one upwards from here

          --json
              Write one JSON event a line (`windlass explain json` lists them)

          --color <WHEN>
              Colours; `NO_COLOR` is honoured

              Possible values:
              - auto:   On a terminal
              - always: Always
              - never:  Never

      -q, --quiet
              Only answers and errors
    --- exit 0
    ");
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let answer = TestProject::new().done(["completions", shell]);
        assert!(answer.stdout.contains("detailed-exitcode"), "{shell}");
    }
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let project = TestProject::new();
    project.done(["man", "man"]);
    let pages: Vec<_> = std::fs::read_dir(project.place("man")).unwrap().collect();
    assert!(pages.len() > 20, "{} pages", pages.len());
    assert!(project.read("man/windlass-apply.1").contains("allow\\-deletes"));
    assert!(project.read("man/windlass-state-mv.1").starts_with(".ie"));
    assert!(project.done(["man"]).stdout.contains(".TH windlass"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let project = TestProject::new();
    let mut child = project.command(["explain", "json"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let project = TestProject::of(NOTE);
    for (arguments, code) in [
        (vec!["explain", "json"], 1),
        (vec!["--help"], 1),
        (vec!["plan", "--detailed-exitcode"], 1),
        // The work itself is done, all the same.
        (vec!["apply", "-y"], 1),
        (vec!["outputs", "nothing"], 2),
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let answer = project.command(arguments.iter().copied()).stdout(full).output().unwrap();
        let said = String::from_utf8(answer.stderr).unwrap();
        assert_eq!(answer.status.code(), Some(code), "{arguments:?} {said}");
        let told = "error: cannot write the answer: No space left on device";
        assert_eq!(said.contains(told), code == 1, "{arguments:?} {said}");
    }
    assert_eq!(project.read("a.txt"), "hello");
}

#[test]
fn what_was_not_understood_is_an_event_too() {
    insta::assert_snapshot!(TestProject::new().run(["plan", "--bogus", "--json"]), @r#"
    {"type":"error","message":"unexpected argument '--bogus' found","details":[],"help":"`--help` says what can be typed","exit":2}
    --- exit 2
    "#);
}

#[test]
fn schemas_accept_the_first_project_and_refuse_what_is_wrong() {
    let project = TestProject::new();
    project.done(["init"]);
    for (of, file) in [("stack", "stacks/hello.yml"), ("pipeline", "pipelines/hello.yml")] {
        let schema: Value = serde_json::from_str(&project.done(["schema", of]).stdout).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut file: Value = serde_yaml::from_str(&project.read(file)).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&file).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{of}: {errors:?}");
        file["nonsense"] = Value::from(1);
        assert!(!validator.is_valid(&file), "{of}");
    }
    let schema: Value = serde_json::from_str(&project.done(["schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let resource = serde_json::json!({ "kind": "file.text", "paht": "x" });
    let wrong = serde_json::json!({ "stack": "a", "resources": { "b": resource } });
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn schemas_accept_every_example_and_every_file_of_this_repository() {
    let project = TestProject::new();
    let validator = |of: &str| {
        let schema = serde_json::from_str(&project.done(["schema", of]).stdout).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    };
    let (stack, pipeline) = (validator("stack"), validator("pipeline"));
    let accepts = |validator: &jsonschema::Validator, name: &str, text: &str| {
        let file: Value = serde_yaml::from_str(text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&file).map(|error| format!("{error}")).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    };
    let kinds = events(&project.done(["explain", "--json"]).stdout);
    for kind in kinds.iter().map(|event| event["kind"].as_str().unwrap()) {
        let page = project.command(["explain", kind, "--json"]).output().unwrap();
        let page = events(&String::from_utf8(page.stdout).unwrap());
        accepts(&stack, kind, page[0]["example"].as_str().unwrap());
    }
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (folder, validator) in [("stacks", &stack), ("pipelines", &pipeline)] {
        for file in walk(&repository.join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            accepts(validator, &file.display().to_string(), &text);
        }
    }
    assert!(kinds.len() >= 10, "{} kinds", kinds.len());
}

#[test]
fn kinds_are_listed_and_explained() {
    let project = TestProject::new();
    let list = project.done(["explain"]).stdout;
    assert!(list.lines().count() >= 10, "{list}");
    let page = project.done(["explain", "file.directory"]).stdout;
    for part in ["kind: file.directory", "\nKeys\n", "\n  recursive", "\nAttributes", "full_path"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    insta::assert_snapshot!(project.run(["explain", "file.direktory"]), @r#"
    --- stderr
    error: there is no kind `file.direktory`
        try: did you mean `file.directory`?
    --- exit 2
    "#);
    // There will be more of them.
    let answer = project.run(["explain", "file"]);
    let said = "error: there is no kind `file`\n    try: there are `file.archive`, ";
    assert!(answer.code == 2 && answer.stderr.starts_with(said), "{}", answer.stderr);
}

#[test]
fn files_and_keys_are_explained_too() {
    let project = TestProject::new();
    insta::assert_snapshot!(project.run(["explain", "resource"]), @r#"
    resource
      What every resource has, beside the keys of its kind.

    Example
    # Keys that every resource has, whatever its kind.
    stack: shop
    parameters:
      number: { type: integer, default: "2" }

    resources:
      # Refuses to be destroyed or replaced.
      data:
        kind: file.directory
        path: data
        protect: true

      # As many as the parameter says: sites[0], sites[1].
      sites:
        kind: file.text
        count: ${number}
        path: data/${index}.txt
        content: site ${index}
        needs: [data]

      # One for each: notes[open] and notes[closed].
      notes:
        kind: file.text
        each: [open, closed]
        path: data/${each}.txt
        content: We are ${each}.
        timeout: 30s
        attempts: 2

    Keys
      kind      Which kind of resource this is. (text, required)
      needs     Resources that must be ready first, beside those that are referred to. (a list of text,
                `[]` by default)
      count     How many of it there are: `${index}` counts from 0. (a whole number)
      each      One of it for each of these: `${each}` is the one. (a list of text)
      protect   Refuses to destroy or replace it, even when its block is gone. (true or false, `false`
                by default)
      timeout   How long one attempt to change it may take. (a duration such as `30s`)
      attempts  How often a change is tried when the fault may pass. (a whole number, `4` by default)

    The keys of each kind:  windlass explain KIND
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["explain", "parameters"]), @r#"
    parameters
      A value from outside.

    Example
    # Values from outside, of a stack or, under `on: manual:`, of a pipeline.
    stack: shop
    parameters:
      name: { default: www.example.org, pattern: "*.example.org", description: Its host name }
      workers: { type: integer, default: "4", min: 1, max: 64 }
      tier: { default: test, choices: [test, live] }
      verbose: { type: boolean, default: "false" }
      # Without a default it must be given. Of a secret only a handle is ever shown or kept.
      token: { type: secret }

    Keys
      type         What it may be. (`string`, `integer`, `boolean`, `choice`, `secret` or `file`,
                   `string` by default)
        string   Text.
        integer  A whole number.
        boolean  `true` or `false`.
        choice   One of `choices`.
        secret   Text that is never shown or kept in the open.
        file     The path of a file of the project, relative to its folder. It must be there; `pattern`
                 is for its path, `min` and `max` are for its size in bytes.
      default      Its value when none is given; without it, one must be given. (text)
      description  What it is for, in a line. (text)
      min          The smallest number, the shortest text, or the smallest file in bytes. (a whole
                   number, negative or not)
      max          The largest number, the longest text, or the largest file in bytes. (a whole number,
                   negative or not)
      choices      The values to choose from. (a list of text)
      pattern      A pattern in the manner of shell globs that text must fit, such as `*.example.org`.
                   (text)

    Given by  --param NAME=VALUE  or  --params FILE
    --- exit 0
    "#);
    for page in ["resource", "parameters"] {
        let shown = project.done(["explain", page]).stdout;
        let example = shown.split("Example\n").nth(1).and_then(|rest| rest.split("\nKeys").next());
        TestProject::new().stack("shop", example.unwrap()).done(["check"]);
    }
    for (word, says) in [
        ("stack", "moved "),
        ("pipeline", "idempotent "),
        ("inventory", "members "),
        ("count", "How many of it there are"),
        ("retry", "How often it is tried again"),
        ("needs", "Steps that must end first"),
        ("file.text", "Every resource also has needs, count, each, protect, timeout and attempts"),
    ] {
        let page = project.done(["explain", word]).stdout.replace('`', "");
        assert!(page.contains(says), "{word}: {page}");
    }
}
