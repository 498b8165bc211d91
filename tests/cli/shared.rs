//! Steps that pipelines share.

use crate::cli::project::TestProject;

const LINT: &str = "shared: lint
parameters:
  level: { type: choice, choices: [strict, loose] }
  folder: { default: app }
steps:
  style: { env: { FOLDER: \"${folder}\" }, run: ['echo style ${level} $FOLDER ${run.id} >> ran', mkdir -p out, echo s > out/s], artifacts: { report: out/s } }
  types: { needs: [style], takes: [style.report], matrix: { py: [a, b] }, run: ['echo types ${matrix.py} $(cat out/s) >> ran'] }
  more: { use: pipelines/shared/more.yml, needs: [style] }
";

const MORE: &str = "shared: more
steps:
  last: { run: [echo last >> ran] }
  undo: { needs: [last], when: failure, run: [echo undone >> ran] }
";

const PIPELINE: &str = "pipeline: p
on: { manual: { parameters: { version: { default: one } } } }
steps:
  build: { run: [echo build >> ran] }
  lint: { needs: [build], use: pipelines/shared/lint.yml, with: { level: strict, folder: \"v-${version}\" } }
  again: { needs: [lint], use: pipelines/shared/more.yml }
  deploy: { needs: [lint, again], takes: [lint.style.report], run: [echo deploy >> ran] }
";

fn project() -> TestProject {
    TestProject::new()
        .file("pipelines/p.yml", PIPELINE)
        .file("pipelines/shared/lint.yml", LINT)
        .file("pipelines/shared/more.yml", MORE)
}

#[test]
fn a_step_stands_for_all_steps_of_the_file_that_it_uses() {
    let project = project();
    insta::assert_snapshot!(project.run(["check"]), @r#"
    1 file checked, nothing is wrong
    --- exit 0
    "#);
    let shown = project.done(["run", "p", "--parallel", "1"]).stdout;
    assert!(shown.contains("✓ run  lint.types[a]"), "{shown}");
    assert!(shown.contains("p  passed: 7 steps done"), "{shown}");
    let ran = project.read("ran");
    assert!(ran.starts_with("build\nstyle strict v-one 1\n"), "{ran}");
    assert!(ran.ends_with("last\ndeploy\n"), "{ran}");
    assert_eq!(ran.lines().filter(|line| line.starts_with("types")).count(), 2, "{ran}");
    assert_eq!(ran.lines().filter(|line| *line == "last").count(), 2, "{ran}");
    project.done(["run", "p", "--from", "lint.style"]);
}

#[test]
fn what_is_wrong_with_shared_steps_is_shown_where_it_stands() {
    let project = project();
    project.write(
        "pipelines/shared/lint.yml",
        LINT.replace("needs: [style], takes", "needs: [stlye], takes")
            .replace("${folder}", "${fodler}"),
    );
    project.write(
        "pipelines/p.yml",
        PIPELINE
            .replace("level: strict", "level: srtict, depth: 3")
            .replace("needs: [lint],", "needs: [lint], retry: 3,"),
    );
    insta::assert_snapshot!(project.run(["run", "p"]), @r#"
    --- stderr
    error[W021]: there is no parameter `depth`, and one was given
      ╭▸ pipelines/p.yml:5:32
      │
    5 │   lint: { needs: [build], use: pipelines/shared/lint.yml, with: { level: srtict, depth:…
      │                                ━━━━━━━━━━━━━━━━━━━━━━━━━
      │
      ╰ help: declare it under `parameters`, or leave it out

    error[W014]: `retry` cannot stand beside `use`
      ╭▸ pipelines/p.yml:6:27
      │
    6 │   again: { needs: [lint], retry: 3, use: pipelines/shared/more.yml }
      │                           ━━━━━
      │
      ╰ help: write it in the steps of the file that is used

    error[W014]: the given value `srtict` of the parameter `level` does not fit: it is none of `strict`
                 or `loose`
      ╭▸ pipelines/shared/lint.yml:3:10
      │
    3 │   level: { type: choice, choices: [strict, loose] }
      │          ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      │
      ╰ help: see its declaration here

    error[W021]: nothing is called `fodler`
      ╭▸ pipelines/shared/lint.yml:6:28
      │
    6 │   style: { env: { FOLDER: "${fodler}" }, run: ['echo style ${level} $FOLDER ${run.id} >…
      ╰╴                           ━━━━━━━━━ did you mean `folder`?

    error[W021]: no step is called `lint.stlye`
      ╭▸ pipelines/shared/lint.yml:7:20
      │
    7 │   types: { needs: [stlye], takes: [style.report], matrix: { py: [a, b] }, run: ['echo t…
      ╰╴                   ━━━━━ did you mean `lint.style`?

    1 file checked, 5 errors.                                                                     exit 2
    --- exit 2
    "#);
    project.write("pipelines/shared/lint.yml", LINT);
    project.write(
        "pipelines/shared/more.yml",
        MORE.replace("run: [echo last >> ran]", "use: pipelines/shared/lint.yml"),
    );
    project.write(
        "pipelines/p.yml",
        PIPELINE.replace(
            "again: { needs: [lint], use: pipelines/shared/more.yml",
            "again: { use: pipelines/shared/nowhere.yml",
        ),
    );
    insta::assert_snapshot!(project.run(["check"]), @"
    --- stderr
    error[W021]: there are no shared steps `pipelines/shared/nowhere.yml`: No such file or directory (os
                 error 2)
      ╭▸ pipelines/p.yml:6:17
      │
    6 │   again: { use: pipelines/shared/nowhere.yml }
      │                 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      │
      ╰ help: the path is relative to the project's folder: `pipelines/shared/lint.yml`

    error[W021]: no step is called `lint.style`
      ╭▸ pipelines/p.yml:7:43
      │
    7 │   deploy: { needs: [lint, again], takes: [lint.style.report], run: [echo deploy >> ran]…
      ╰╴                                          ━━━━━━━━━━━━━━━━━

    error[W030]: these files use each other
      ╭▸ pipelines/shared/more.yml:3:16
      │
    3 │   last: { use: pipelines/shared/lint.yml }
      │                ━━━━━━━━━━━━━━━━━━━━━━━━━
      │
      ╰ note: `pipelines/shared/lint.yml` uses `pipelines/shared/more.yml` uses
              `pipelines/shared/lint.yml`

    1 file checked, 3 errors.                                                                     exit 2
    --- exit 2
    ");
}
