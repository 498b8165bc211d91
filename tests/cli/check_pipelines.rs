//! What `check` finds out about pipelines: their steps, and the stacks that these name.

use crate::cli::project::TestProject;

#[test]
#[expect(clippy::too_many_lines, reason = "most of it is what is printed")]
fn pipelines_are_looked_at_to_the_stacks_that_they_name() {
    let project = TestProject::new()
        .file(
            "stacks/e.yml",
            "stack: e
parameters:
  size: { type: integer, max: 9 }
  name: {}
  token: { type: secret }
resources: {}
",
        )
        .file(
            "pipelines/p.yml",
            r#"pipeline: p
steps:
  b c/d: { run: [echo x] }
  nothing: { run: [] }
  gone: { apply: stacks/nothing.yml }
  near: { apply: stacks/f.yml }
  wrong: { apply: e, parameters: { sise: 3, size: 30, name: "${secret.x}" }, directory: made/later }
  open: { apply: e, as: "test-${run.id}", parameters: { size: 3, name: "${run.id}", token: "${secret.x}" } }
  clear: { destroy: "test-${run.id}", needs: [opn] }
  away: { destroy: stacks/gone.yml }
  typo: { destroy: ee }
  hidden: { destroy: "${secret.x}" }
"#,
        );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W014]: `b c/d` is not a name
      ╭▸ pipelines/p.yml:3:3
      │
    3 │   b c/d: { run: [echo x] }
      ╰╴  ━━━━━ a name is a letter, then letters, digits, `_` and `-`

    error[W014]: there is nothing to run
      ╭▸ pipelines/p.yml:4:19
      │
    4 │   nothing: { run: [] }
      │                   ━
      │
      ╰ help: write commands, or take the step out

    error[W021]: there is no stack file `stacks/nothing.yml`
      ╭▸ pipelines/p.yml:5:18
      │
    5 │   gone: { apply: stacks/nothing.yml }
      │                  ━━━━━━━━━━━━━━━━━━
      │
      ╰ help: the path is relative to the project's folder

    error[W021]: there is no stack file `stacks/f.yml`
      ╭▸ pipelines/p.yml:6:18
      │
    6 │   near: { apply: stacks/f.yml }
      ╰╴                 ━━━━━━━━━━━━ did you mean `stacks/e.yml`?

    error[W011]: `e` asks for the parameter `token`
      ╭▸ pipelines/p.yml:7:19
      │
    7 │   wrong: { apply: e, parameters: { sise: 3, size: 30, name: "${secret.x}" }, directory:…
      │                   ━
      │
      ╰ help: give it under `parameters` of this step

    error[W021]: `e` has no parameter `sise`
      ╭▸ pipelines/p.yml:7:36
      │
    7 │   wrong: { apply: e, parameters: { sise: 3, size: 30, name: "${secret.x}" }, directory:…
      ╰╴                                   ━━━━ did you mean `size`?

    error[W014]: the given value `30` of the parameter `size` does not fit: it is 30, and the most is 9
      ╭▸ pipelines/p.yml:7:51
      │
    7 │   wrong: { apply: e, parameters: { sise: 3, size: 30, name: "${secret.x}" }, directory:…
      │                                                   ━━
      │
      ╰ help: see its declaration in e

    error[W022]: a secret was given for the parameter `name`, which is shown and kept in the open
      ╭▸ pipelines/p.yml:7:61
      │
    7 │   wrong: { apply: e, parameters: { sise: 3, size: 30, name: "${secret.x}" }, directory:…
      │                                                             ━━━━━━━━━━━━━
      │
      ╰ help: declare it with `type: secret` in e

    error[W015]: `directory` goes with `run`, not with `apply`
      ╭▸ pipelines/p.yml:7:78
      │
    7 │ …: 3, size: 30, name: "${secret.x}" }, directory: made/later }
      ╰╴                                       ━━━━━━━━━

    error[W021]: no step is called `opn`
      ╭▸ pipelines/p.yml:9:47
      │
    9 │   clear: { destroy: "test-${run.id}", needs: [opn] }
      ╰╴                                              ━━━ did you mean `open`?

    error[W021]: there is no stack file `stacks/gone.yml`
       ╭▸ pipelines/p.yml:10:20
       │
    10 │   away: { destroy: stacks/gone.yml }
       ╰╴                   ━━━━━━━━━━━━━━━ did you mean `stacks/e.yml`?

    error[W022]: the secret `x` cannot be used here
       ╭▸ pipelines/p.yml:12:23
       │
    12 │   hidden: { destroy: "${secret.x}" }
       ╰╴                      ━━━━━━━━━━━ this value is shown in plans and kept in state

    2 files checked, 12 errors.                                                                   exit 2
    --- exit 2
    "##);
}

#[test]
fn steps_that_wait_for_each_other_and_for_a_run() {
    let project = TestProject::new().file(
        "pipelines/p.yml",
        r#"pipeline: p
steps:
  a: { needs: [b], run: ["echo ${run.id}"] }
  b: { needs: [a], run: [echo] }
"#,
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    --- stderr
    error[W030]: these steps wait for each other
      ╭▸ pipelines/p.yml:3:15
      │
    3 │   a: { needs: [b], run: ["echo ${run.id}"] }
      │               ━━ `a` needs `b`
      │
      ⸬  pipelines/p.yml:4:15
      │
    4 │   b: { needs: [a], run: [echo] }
      ╰╴              ── `b` needs `a`

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "##);
}

#[test]
fn a_parameter_without_a_value_is_known_later() {
    let project = TestProject::new().file(
        "stacks/shop.yml",
        r#"stack: shop
parameters:
  n: { type: integer }
  name: {}
resources:
  a: { kind: data.value, count: "${n}", input: "${name} ${index}" }
  b: { kind: data.value, input: "${a[7].output}" }
outputs: { all: "${a.output}", name: "${name}" }
"#,
    );
    insta::assert_snapshot!(project.run(["check"]), @r##"
    1 file checked, nothing is wrong
    --- exit 0
    "##);
    insta::assert_snapshot!(project.run(["plan"]), @r##"
    --- stderr
    error[W014]: the parameter `n` has no value
      ╭▸ stacks/shop.yml:3:6
      │
    3 │   n: { type: integer }
      │      ━━━━━━━━━━━━━━━
      │
      ╰ help: give it, `--param n=VALUE`, or write a `default`

    error[W014]: the parameter `name` has no value
      ╭▸ stacks/shop.yml:4:9
      │
    4 │   name: {}
      │         ━
      │
      ╰ help: give it, `--param name=VALUE`, or write a `default`

    1 file checked, 2 errors.                                                                     exit 2
    --- exit 2
    "##);
}
