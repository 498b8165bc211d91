//! Steps that are repeated for each combination of a matrix.

use rustix::process::Signal;

use crate::cli::project::{TestProject, until};

fn pipeline(steps: &str) -> TestProject {
    TestProject::new().file("pipelines/p.yml", &format!("pipeline: p\nsteps:\n{steps}"))
}

const UNIT: &str = "  unit:
    matrix:
      py: [\"3.11\", \"3.12\"]
      db: [lite, big]
      exclude: [{ py: \"3.11\", db: big }]
      include: [{ py: \"3.13\", db: lite }]
    env: { PY: \"python ${matrix.py}\" }
    run: [\"echo $PY with ${matrix.db} in $WINDLASS_STEP\"]
  report: { needs: [unit], run: [echo all of them] }
";

#[test]
fn a_step_runs_once_for_each_combination_and_others_wait_for_all() {
    let project = pipeline(UNIT);
    let shown = project.done(["run", "p"]).stdout;
    let last = shown.find("report | all of them");
    for step in ["3.11,lite", "3.12,lite", "3.12,big", "3.13,lite"] {
        let ended = shown.find(&format!("✓ run  unit[{step}]"));
        assert!(ended.is_some() && ended < last, "{step} ends before the report begins: {shown}");
    }
    assert!(shown.contains("p  passed: 5 steps done"), "{shown}");
    insta::assert_snapshot!(project.run(["logs", "last", "unit"]), @r#"
    python 3.11 with lite in unit[3.11,lite]
    python 3.12 with lite in unit[3.12,lite]
    python 3.12 with big in unit[3.12,big]
    python 3.13 with lite in unit[3.13,lite]
    --- exit 0
    "#);
    insta::assert_snapshot!(project.run(["logs", "last", "unit[3.12,big]"]), @r#"
    python 3.12 with big in unit[3.12,big]
    --- exit 0
    "#);
    let json = project.done(["run", "p", "--json"]).stdout;
    for step in ["unit[3.11,lite]", "unit[3.12,lite]", "unit[3.12,big]", "unit[3.13,lite]"] {
        let ended = json.lines().filter(|line| line.contains("\"step_ended\""));
        let of_step = ended.filter(|line| line.contains(&format!("\"step\":\"{step}\"")));
        assert_eq!(of_step.count(), 1, "{step}: {json}");
    }
}

#[test]
fn one_that_fails_fails_what_waits_for_all() {
    let project = pipeline(
        "  unit: { matrix: { n: [bad, good] }, run: ['[ ${matrix.n} = good ] || sleep 0.5; [ ${matrix.n} = good ]'] }
  deploy: { needs: [unit], run: [echo no] }
  undo: { needs: [unit], when: failure, run: [echo undoing] }
",
    );
    insta::assert_snapshot!(project.run(["run", "p", "--parallel", "2"]), @r#"
    p  run, run 1: 4 steps
      ✓ run  unit[good]  done  N.NN s
      ✗ run  unit[bad]   exit code 1  N.NN s
      ○ run  deploy      not started, waited for unit[bad]
        undo | undoing
      ✓ run  undo        done  N.NN s
    ✗ run  unit[bad]  exit code 1

    p  failed: 2 steps done, 1 failed, 1 not started  N.NN s
       not started: run deploy waits for unit[bad]
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    "#);
}

#[test]
fn stacks_are_applied_once_for_each_combination() {
    let project = pipeline(
        "  deploy:
    matrix: { site: [north, south] }
    apply: stacks/shop.yml
    as: \"shop-${matrix.site}\"
    parameters: { site: \"${matrix.site}\" }
",
    )
    .stack(
        "shop",
        "stack: shop
parameters: { site: { type: string } }
resources:
  page: { kind: file.text, path: \"out/${site}\", content: \"${site}\\n\" }
",
    );
    project.done(["run", "p"]);
    assert_eq!(project.read("out/north") + &project.read("out/south"), "north\nsouth\n");
}

/// Each step counts how many of its matrix are at work beside it.
#[test]
fn no_more_than_the_limit_are_at_work_at_once() {
    let project = pipeline(
        "  unit:
    matrix: { n: [a, b, c, d, e, f], limit: 2 }
    run: [\"mkdir -p at-work; touch at-work/${matrix.n}\", \"sleep 0.3; ls at-work | wc -l >> counts\", \"rm at-work/${matrix.n}\"]
  other: { matrix: { n: [a, b, c] }, run: ['sleep 0.1'] }
",
    );
    project.done(["run", "p", "--parallel", "8"]);
    let counts = project.read("counts");
    let counts: Vec<usize> = counts.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!(counts.len(), 6, "{counts:?}");
    assert_eq!(counts.iter().max(), Some(&2), "{counts:?}");
}

#[test]
fn a_killed_run_goes_on_with_the_combinations_that_had_not_begun() {
    let project = pipeline(
        "  unit:
    matrix: { n: [a, b, c, d], limit: 1 }
    idempotent: true
    run: [\"echo ${matrix.n} >> ran\", \"[ ${matrix.n} != b ] || [ -e go ] || sleep 60\"]
",
    );
    let run = project.start(["run", "p", "--parallel", "4"]);
    until("b begins", || {
        std::fs::read_to_string(project.place("ran")).is_ok_and(|ran| ran.contains('b'))
    });
    run.signal(Signal::KILL);
    run.end();
    project.write("go", "");
    project.done(["run", "p", "--resume"]);
    let ran = project.read("ran");
    let mut lines: Vec<&str> = ran.lines().collect();
    lines.sort_unstable();
    let twice = lines.iter().filter(|line| **line == "b").count();
    lines.dedup();
    assert_eq!(
        (lines, twice),
        (vec!["a", "b", "c", "d"], 2),
        "only what was cut off ran again: {ran}"
    );
}

#[test]
fn values_may_come_from_parameters() {
    let project = TestProject::new().file(
        "pipelines/p.yml",
        "pipeline: p
on: { manual: { parameters: { last: { type: string, default: z } } } }
steps:
  s: { matrix: { n: [a, \"${last}\"] }, run: ['echo ${matrix.n} >> ran'] }
",
    );
    project.done(["check"]);
    project.done(["run", "p", "--param", "last=b", "--parallel", "1"]);
    let ran = project.read("ran");
    let mut lines: Vec<&str> = ran.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b"]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one picture of every error")]
fn what_is_wrong_with_a_matrix_is_said_where_it_stands() {
    let project = pipeline(
        "  empty: { matrix: { limit: 2 }, run: [echo] }
  none: { matrix: { n: [] }, run: [echo] }
  near: { matrix: { n: [a], limt: 2 }, run: [echo] }
  zero: { matrix: { n: [a], limit: 0 }, run: [echo] }
  many: { matrix: { n: [a], limit: [2] }, run: [echo] }
  twice: { matrix: { n: [a, b, a] }, run: [echo] }
  address: { matrix: { n: ['a]'] }, run: [echo] }
  axis: { matrix: { n: [a], m: [b], exclude: [{ k: a }] }, run: [echo] }
  nothing: { matrix: { n: [a], exclude: [{ n: b }] }, run: [echo] }
  all: { matrix: { n: [a], exclude: [{ n: a }] }, run: [echo] }
  part: { matrix: { n: [a], m: [b], include: [{ n: c }] }, run: [echo] }
  again: { matrix: { n: [a], include: [{ n: a }] }, run: [echo] }
  typo: { matrix: { version: [a] }, run: ['echo ${matrix.versoin}'] }
  without: { run: ['echo ${matrix.n}'] }
  itself: { matrix: { n: [a], m: ['${matrix.n}'] }, run: [echo] }
  needs: { matrix: { n: [a] }, needs: ['${matrix.n}'], run: [echo] }
  late: { matrix: { n: [1s, soon] }, timeout: '${matrix.n}', run: [echo] }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: this matrix has no axis
      ╭▸ pipelines/p.yml:3:20
      │
    3 │   empty: { matrix: { limit: 2 }, run: [echo] }
      │                    ━━━━━━━━━━
      │
      ╰ help: write a name and its values: `py: ["3.11", "3.12"]`

    error[W014]: the axis `n` needs a list of values
      ╭▸ pipelines/p.yml:4:24
      │
    4 │   none: { matrix: { n: [] }, run: [echo] }
      │                        ━
      │
      ╰ help: write `["3.11", "3.12"]`

    error[W014]: the axis `limt` needs a list of values
      ╭▸ pipelines/p.yml:5:35
      │
    5 │   near: { matrix: { n: [a], limt: 2 }, run: [echo] }
      │                                   ━
      │
      ╰ help: did you mean `limit`?

    error[W014]: at least one must run at a time
      ╭▸ pipelines/p.yml:6:36
      │
    6 │   zero: { matrix: { n: [a], limit: 0 }, run: [echo] }
      │                                    ━
      │
      ╰ help: take `limit` away for no limit

    error[W014]: `limit` is a number
      ╭▸ pipelines/p.yml:7:36
      │
    7 │   many: { matrix: { n: [a], limit: [2] }, run: [echo] }
      │                                    ━━
      │
      ╰ help: write how many may run at once: `limit: 2`

    error[W014]: `a` stands here twice
      ╭▸ pipelines/p.yml:8:32
      │
    8 │   twice: { matrix: { n: [a, b, a] }, run: [echo] }
      │                                ━
      │
      ╰ help: take one of them away

    error[W014]: `a]` cannot stand in the address of a step
      ╭▸ pipelines/p.yml:9:28
      │
    9 │   address: { matrix: { n: ['a]'] }, run: [echo] }
      │                            ━━━━
      │
      ╰ help: write a short name without `[`, `]`, `,`, `@` and `/`

    error[W021]: this matrix has no axis `k`
       ╭▸ pipelines/p.yml:10:49
       │
    10 │   axis: { matrix: { n: [a], m: [b], exclude: [{ k: a }] }, run: [echo] }
       │                                                 ━
       │
       ╰ help: it has `n` or `m`

    error[W014]: no combination is excluded by this
       ╭▸ pipelines/p.yml:11:42
       │
    11 │   nothing: { matrix: { n: [a], exclude: [{ n: b }] }, run: [echo] }
       │                                          ━━━━━━
       │
       ╰ help: see the values of the axes

    error[W014]: no combination of this matrix is left
       ╭▸ pipelines/p.yml:12:18
       │
    12 │   all: { matrix: { n: [a], exclude: [{ n: a }] }, run: [echo] }
       │                  ━━━━━━━━━━━━━━━━━━━━━━━━━━
       │
       ╰ help: exclude less

    error[W014]: a value for every axis is needed here
       ╭▸ pipelines/p.yml:13:47
       │
    13 │   part: { matrix: { n: [a], m: [b], include: [{ n: c }] }, run: [echo] }
       │                                               ━━━━━━
       │
       ╰ help: it has `n` or `m`

    error[W014]: this combination is there already
       ╭▸ pipelines/p.yml:14:40
       │
    14 │   again: { matrix: { n: [a], include: [{ n: a }] }, run: [echo] }
       │                                        ━━━━━━
       │
       ╰ help: take it away

    error[W021]: nothing is called `matrix.versoin`
       ╭▸ pipelines/p.yml:15:49
       │
    15 │   typo: { matrix: { version: [a] }, run: ['echo ${matrix.versoin}'] }
       ╰╴                                                ━━━━━━━━━━━━━━━━━ did you mean `matrix.version`?

    error[W021]: nothing is called `matrix.n`
       ╭▸ pipelines/p.yml:16:26
       │
    16 │   without: { run: ['echo ${matrix.n}'] }
       ╰╴                         ━━━━━━━━━━━

    error[W021]: nothing is called `matrix.n`
       ╭▸ pipelines/p.yml:17:36
       │
    17 │   itself: { matrix: { n: [a], m: ['${matrix.n}'] }, run: [echo] }
       ╰╴                                   ━━━━━━━━━━━

    error[W020]: a step needs the same in all combinations of its matrix
       ╭▸ pipelines/p.yml:18:41
       │
    18 │   needs: { matrix: { n: [a] }, needs: ['${matrix.n}'], run: [echo] }
       │                                         ━━━━━━━━━━━
       │
       ╰ help: name the step that it waits for

    error[W014]: `soon` is not a duration
       ╭▸ pipelines/p.yml:19:48
       │
    19 │   late: { matrix: { n: [1s, soon] }, timeout: '${matrix.n}', run: [echo] }
       │                                                ━━━━━━━━━━━
       │
       ╰ note: in the value of this: write a whole number and a unit, such as `30s`

    1 file checked, 17 errors.                                                                    exit 2
    --- exit 2
    "#);
}

#[test]
fn too_many_combinations_are_refused() {
    let values: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let values = values.join(", ");
    let step = format!("  s: {{ matrix: {{ a: [{values}], b: [{values}] }}, run: [echo] }}\n");
    insta::assert_snapshot!(pipeline(&step).run(["run", "p"]), @r#"
    --- stderr
    error[W014]: this matrix has 400 combinations, and 256 are the most
      ╭▸ pipelines/p.yml:3:16
      │
    3 │   s: { matrix: { a: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, …
      │                ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      │
      ╰ help: each is a step of its own: take values away

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
    let fits = format!("  s: {{ matrix: {{ a: [{values}], b: [x, y] }}, run: [\"true\"] }}\n");
    assert!(pipeline(&fits).done(["run", "p"]).stdout.contains("40 steps done"));
}

#[test]
fn nothing_of_a_matrix_means_anything_beside_its_step() {
    let project = TestProject::new().file(
        "pipelines/p.yml",
        "pipeline: p
env: { N: '${matrix.n}' }
steps:
  s: { matrix: { n: [a] }, run: [echo] }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W021]: nothing is called `matrix.n`
      ╭▸ pipelines/p.yml:2:12
      │
    2 │ env: { N: '${matrix.n}' }
      ╰╴           ━━━━━━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn editors_are_told_of_it() {
    let schema = TestProject::new().done(["schema", "pipeline"]).stdout;
    assert!(schema.contains("Runs it once for each combination of these values"), "{schema}");
}
