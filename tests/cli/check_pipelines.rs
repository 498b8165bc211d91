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

const SHOP: &str = "stack: shop
resources:
  data: { kind: file.directory, path: data }
  vault: { kind: backup.repository, folder: vault, password: \"${secret.vault}\" }
  dump: { kind: backup.job, repository: \"${vault.location}\", paths: [data], keep: { last: 3 } }
  web: { kind: process.service, command: [web], sides: true, ports: 8401-8402 }
  site: { kind: front.route, listen: \"127.0.0.1:8400\", to: \"${web.address}\" }
";

#[test]
#[expect(clippy::too_many_lines, reason = "most of it is what is printed")]
fn what_steps_name_is_looked_for_in_the_stacks() {
    let project = TestProject::new()
        .file("stacks/shop.yml", SHOP)
        .file(
            "pipelines/p.yml",
            r#"pipeline: p
steps:
  over: { cutover: { stack: shop, service: wed, front: [site, sight, "${run.id}"] } }
  gone: { cutover: { stack: stacks/shp.yml, front: site } }
  back: { rollback: shpo }
  take: { backup: shop/dmup }
  read: { verify: shop/web }
  old: { prune: nowhere/dump }
  prove: { drill: shop/x }
  fetch: { restore: { job: shop/dupm, to: again } }
  ask: { probe: { stack: shopp } }
  some: { probe: { stack: shop, services: [web, wob] } }
  all: { use: pipelines/shared/all.yml }
"#,
        )
        .file(
            "pipelines/shared/all.yml",
            r#"shared: all
parameters: { job: { default: dump } }
steps:
  take: { backup: "shop/${job}" }
  read: { verify: shop/dumb }
"#,
        );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W021]: `shop` has no resource `wed`
      ╭▸ pipelines/p.yml:3:44
      │
    3 │   over: { cutover: { stack: shop, service: wed, front: [site, sight, "${run.id}"] } }
      ╰╴                                           ━━━ did you mean `web`?

    error[W021]: `shop` has no resource `sight`
      ╭▸ pipelines/p.yml:3:63
      │
    3 │   over: { cutover: { stack: shop, service: wed, front: [site, sight, "${run.id}"] } }
      │                                                               ━━━━━
      │
      ╰ help: it has `data`, `dump`, `site`, `vault` or `web`

    error[W021]: there is no stack file `stacks/shp.yml`
      ╭▸ pipelines/p.yml:4:29
      │
    4 │   gone: { cutover: { stack: stacks/shp.yml, front: site } }
      ╰╴                            ━━━━━━━━━━━━━━ did you mean `stacks/shop.yml`?

    error[W021]: no stack is called `shpo`, and none is remembered
      ╭▸ pipelines/p.yml:5:21
      │
    5 │   back: { rollback: shpo }
      ╰╴                    ━━━━ did you mean `shop`?

    error[W021]: `shop` has no resource `dmup`
      ╭▸ pipelines/p.yml:6:19
      │
    6 │   take: { backup: shop/dmup }
      ╰╴                  ━━━━━━━━━ did you mean `dump`?

    error[W014]: shop/web is a process.service, which has no `verify`
      ╭▸ pipelines/p.yml:7:19
      │
    7 │   read: { verify: shop/web }
      │                   ━━━━━━━━
      │
      ╰ help: those that have: shop/dump

    error[W021]: no stack is called `nowhere`, and none is remembered
      ╭▸ pipelines/p.yml:8:17
      │
    8 │   old: { prune: nowhere/dump }
      │                 ━━━━━━━━━━━━
      │
      ╰ help: write STACK/RESOURCE, such as `shop/database`

    error[W021]: `shop` has no resource `x`
      ╭▸ pipelines/p.yml:9:19
      │
    9 │   prove: { drill: shop/x }
      │                   ━━━━━━
      │
      ╰ help: it has `data`, `dump`, `site`, `vault` or `web`

    error[W021]: `shop` has no resource `dupm`
       ╭▸ pipelines/p.yml:10:28
       │
    10 │   fetch: { restore: { job: shop/dupm, to: again } }
       ╰╴                           ━━━━━━━━━ did you mean `dump`?

    error[W021]: no stack is called `shopp`, and none is remembered
       ╭▸ pipelines/p.yml:11:26
       │
    11 │   ask: { probe: { stack: shopp } }
       ╰╴                         ━━━━━ did you mean `shop`?

    error[W021]: `shop` has no resource `wob`
       ╭▸ pipelines/p.yml:12:49
       │
    12 │   some: { probe: { stack: shop, services: [web, wob] } }
       ╰╴                                                ━━━ did you mean `web`?

    error[W021]: `shop` has no resource `dumb`
      ╭▸ pipelines/shared/all.yml:5:19
      │
    5 │   read: { verify: shop/dumb }
      ╰╴                  ━━━━━━━━━ did you mean `dump`?

    2 files checked, 12 errors.                                                                   exit 2
    --- exit 2
    "#);
}

#[test]
fn what_only_a_run_can_know_is_left_to_it() {
    let project = TestProject::new().file("stacks/shop.yml", SHOP).file(
        "pipelines/p.yml",
        r#"pipeline: p
on: { manual: { parameters: { job: {} } } }
steps:
  trial: { apply: shop, as: "test-${run.id}" }
  named: { apply: shop, as: trial }
  ask: { probe: { stack: "test-${run.id}", services: [what] } }
  some: { probe: { stack: trial, services: [web] } }
  take: { backup: "shop/${job}" }
  read: { verify: "test-1/dump" }
  old: { matrix: { job: [dump] }, prune: "shop/${matrix.job}" }
  back: { rollback: stacks/shop.yml }
"#,
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    2 files checked, nothing is wrong
    --- exit 0
    "#);
}
