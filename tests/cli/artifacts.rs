//! Files that steps hand on: to later steps by content, to later runs by a key.

use std::fs;
use std::path::PathBuf;

use crate::cli::project::TestProject;

const STEPS: &str = "pipeline: p
steps:
  build:
    matrix: { part: [a, b] }
    run: ['mkdir -p out/deep && echo made ${matrix.part} > out/deep/${matrix.part}.txt && printf \"#!/bin/sh\\necho runs\\n\" > out/${matrix.part}.sh && chmod +x out/${matrix.part}.sh && ln -sf deep/${matrix.part}.txt out/link-${matrix.part}']
    artifacts: { site: [\"out/*${matrix.part}*\", \"out/**/*${matrix.part}*\"] }
  clear: { needs: [build], run: [rm -r out] }
  test: { needs: [clear], takes: [build.site, { from: \"build[a].site\", to: web }], run: [cat out/link-a out/deep/b.txt, ./out/b.sh, cat web/out/deep/a.txt, test -e good] }
";

fn project() -> TestProject {
    TestProject::new().file("pipelines/p.yml", STEPS)
}

/// All files of the object folder.
fn objects(project: &TestProject) -> Vec<PathBuf> {
    let folders = fs::read_dir(project.place(".windlass/objects")).expect("objects");
    let inside = |folder: fs::DirEntry| fs::read_dir(folder.path()).expect("a folder").flatten();
    let mut all: Vec<PathBuf> =
        folders.flatten().flat_map(inside).map(|file| file.path()).collect();
    all.sort_unstable();
    all
}

#[test]
fn what_a_step_made_is_laid_out_for_who_takes_it_also_when_a_part_is_done_again() {
    let project = project();
    assert_eq!(project.run(["run", "p", "--parallel", "1"]).code, 1);
    let kept = project.done(["logs", "last", "test"]).stdout;
    assert_eq!(kept, "made a\nmade b\nruns\nmade a\n");
    assert_eq!(project.read("out/deep/b.txt"), "made b\n");
    project.write("good", "");
    fs::remove_dir_all(project.place("out")).expect("out");
    project.done(["run", "p", "--failed"]);
    assert_eq!(
        project.done(["logs", "last", "test"]).stdout,
        kept,
        "as it was made in the first run"
    );
    let kept = objects(&project).len();
    project.write("out/x", "");
    project.done(["run", "p"]);
    assert_eq!(objects(&project).len(), kept, "what is the same is kept once");
}

#[test]
fn two_stars_at_the_end_find_files_at_every_depth() {
    let steps = "pipeline: p
steps:
  build:
    run: [mkdir -p out/deep && echo a >out/a && echo b >out/deep/b]
    artifacts: { all: \"out/**\" }
  clear: { needs: [build], run: [rm -r out] }
  test: { needs: [clear], takes: [build.all], run: [cat out/a out/deep/b] }
";
    let project = TestProject::new().file("pipelines/p.yml", steps);
    project.done(["run", "p"]);
    assert_eq!(project.done(["logs", "last", "test"]).stdout, "a\nb\n");
}

#[test]
fn an_artifact_that_is_gone_or_damaged_is_told_and_made_again() {
    let project = project();
    project.write("good", "");
    project.done(["run", "p"]);
    let object = objects(&project)
        .into_iter()
        .find(|path| fs::read(path).is_ok_and(|text| text == b"made b\n"));
    let object = object.expect("an object");
    fs::write(&object, "made c\n").expect("damage");
    insta::assert_snapshot!(project.run(["run", "p", "--from", "test"]), @"
    p  run, run 2: 4 steps
      ✗ run  test      the artifact `build.site` cannot be used: out/deep/b.txt: it is not wha…  N.NN s
    ✗ run  test  the artifact `build.site` cannot be used: out/deep/b.txt: it is not what was kept
        try: make it again: `windlass run p --from 'build'`

    p  failed: 3 done in the run before, 1 failed  N.NN s
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    ");
    insta::assert_snapshot!(project.run(["run", "p", "--from", "test"]), @"
    p  run, run 3: 4 steps
      ✗ run  test      the artifact `build.site` cannot be used: out/deep/b.txt: it is no long…  N.NN s
    ✗ run  test  the artifact `build.site` cannot be used: out/deep/b.txt: it is no longer there
        try: make it again: `windlass run p --from 'build'`

    p  failed: 3 done in the run before, 1 failed  N.NN s
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    ");
    fs::remove_dir_all(project.place("out")).expect("out");
    project.done(["run", "p", "--from", "build"]);
    fs::remove_file(project.place(".windlass/logs/1/artifacts")).expect("a list");
    for run in 2..=4 {
        _ = fs::remove_file(project.place(&format!(".windlass/logs/{run}/artifacts")));
    }
    insta::assert_snapshot!(project.run(["run", "p", "--from", "test"]), @"
    p  run, run 5: 4 steps
      ✗ run  test      the artifact `build.site` is not there: build[a] has not made it in thi…  N.NN s
    ✗ run  test  the artifact `build.site` is not there: build[a] has not made it in this run
        try: windlass run p --from 'build'

    p  failed: 3 done in the run before, 1 failed  N.NN s
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    ");
}

#[test]
fn what_nobody_makes_is_refused_at_check() {
    let steps = STEPS
        .replace("build.site,", "build.sites, clear.log, nobody.site, plain,")
        .replace("site: [", "site: [\"../*\", ");
    let project = TestProject::new().file("pipelines/p.yml", &steps);
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W021]: `build` makes no artifact `sites`
      ╭▸ pipelines/p.yml:8:35
      │
    8 │   test: { needs: [clear], takes: [build.sites, clear.log, nobody.site, plain, { from: "…
      ╰╴                                  ━━━━━━━━━━━ did you mean `build.site`?

    error[W021]: `clear` makes no artifact `log`
      ╭▸ pipelines/p.yml:8:48
      │
    8 │   test: { needs: [clear], takes: [build.sites, clear.log, nobody.site, plain, { from: "…
      │                                                ━━━━━━━━━
      │
      ╰ help: declare it under `artifacts` of `clear`

    error[W021]: no step is called `nobody`
      ╭▸ pipelines/p.yml:8:59
      │
    8 │   test: { needs: [clear], takes: [build.sites, clear.log, nobody.site, plain, { from: "…
      ╰╴                                                          ━━━━━━━━━━━

    error[W014]: `plain` is not an artifact of a step
      ╭▸ pipelines/p.yml:8:72
      │
    8 │   test: { needs: [clear], takes: [build.sites, clear.log, nobody.site, plain, { from: "…
      │                                                                        ━━━━━
      │
      ╰ note: write STEP.NAME, such as `build.site`

    1 file checked, 4 errors.                                                                     exit 2
    --- exit 2
    "#);
    project.write("pipelines/p.yml", STEPS.replace("out/*$", "../*$"));
    let answer = project.run(["run", "p"]);
    assert!(
        answer.stdout.contains("no artifact `site`: `../*a*` leads out of its folder"),
        "{answer}"
    );
    project.write("pipelines/p.yml", STEPS.replace("out/*$", "nowhere/*$"));
    let answer = project.run(["run", "p"]);
    assert!(
        answer.stdout.contains("no artifact `site`: nothing matches `nowhere/*a*`"),
        "{answer}"
    );
}

const CACHED: &str = "pipeline: c
steps:
  deps:
    cache: { key: deps, files: [\"*.lock\"], paths: [vendor] }
    run: ['ls vendor 2>/dev/null || true', 'mkdir -p vendor; cp app.lock vendor/$(cat app.lock)']
";

#[test]
fn caches_are_found_by_what_they_depend_on_or_the_newest_like_it() {
    let project = TestProject::new().file("pipelines/c.yml", CACHED).file("app.lock", "one");
    let run = || {
        _ = fs::remove_dir_all(project.place("vendor"));
        project.done(["run", "c"]);
        project.done(["logs", "last"]).stdout
    };
    let logs = [run(), run()];
    project.write("app.lock", "two");
    let logs = [logs.join("--\n"), run(), run()];
    insta::assert_snapshot!(logs.join("--\n"), @"
    deps | — cache deps-027f9f58633261a8: nothing is kept yet
    deps | — cache deps-027f9f58633261a8: 1 file kept
    --
    deps | — cache deps-027f9f58633261a8: 1 file
    deps | one
    --
    deps | — cache deps-027f9f58633261a8: 1 file
    deps | one
    deps | — cache deps-abf273150a979547: 2 files kept
    --
    deps | — cache deps-abf273150a979547: 2 files
    deps | one
    deps | two
    ");
}

#[test]
fn a_cache_is_not_taken_for_another_whose_name_begins_like_it() {
    let other = CACHED.replace("pipeline: c", "pipeline: d").replace("key: deps", "key: deps-e2e");
    let project = TestProject::new().file("pipelines/c.yml", CACHED).file("app.lock", "one");
    project.write("pipelines/d.yml", other);
    project.done(["run", "d"]);
    fs::remove_dir_all(project.place("vendor")).expect("what the first one made");
    project.write("app.lock", "two");
    project.done(["run", "c"]);
    insta::assert_snapshot!(project.done(["logs", "last"]).stdout, @"
    deps | — cache deps-abf273150a979547: nothing is kept yet
    deps | — cache deps-abf273150a979547: 1 file kept
    ");
}

#[test]
fn a_damaged_cache_is_named_and_thrown_away_and_the_step_runs_on() {
    let project = TestProject::new().file("pipelines/c.yml", CACHED).file("app.lock", "one");
    project.done(["run", "c"]);
    let object =
        objects(&project).into_iter().find(|path| fs::read(path).is_ok_and(|text| text == b"one"));
    fs::write(object.expect("an object"), "two").expect("damage");
    fs::remove_dir_all(project.place("vendor")).expect("vendor");
    project.done(["run", "c"]);
    let logs = project.done(["logs", "last"]).stdout;
    project.done(["run", "c"]);
    let logs = [logs, project.done(["logs", "last"]).stdout];
    let index = fs::read_dir(project.place(".windlass/caches")).expect("caches").flatten().next();
    fs::write(index.expect("a cache").path(), "{").expect("damage");
    project.done(["run", "c"]);
    let logs = [logs.join("--\n"), project.done(["logs", "last"]).stdout];
    insta::assert_snapshot!(logs.join("--\n"), @"
    deps | — warning: the cache deps-027f9f58633261a8 is damaged and thrown away: vendor/one: it is not what was kept
    deps | — cache deps-027f9f58633261a8: 1 file kept
    --
    deps | — cache deps-027f9f58633261a8: 1 file
    deps | one
    --
    deps | — warning: the cache deps-027f9f58633261a8 is damaged and thrown away: what is known of it cannot be read
    deps | one
    deps | — cache deps-027f9f58633261a8: 1 file kept
    ");
}
