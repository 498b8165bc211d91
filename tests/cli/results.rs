//! Reports that steps leave: one result of a run, over matrix and retries.

use crate::cli::project::TestProject;

/// Of two combinations, one passes `waits` in its second attempt and the other never passes `adds`.
const UNIT: &str = r#"pipeline: p
steps:
  unit:
    matrix: { py: [a, b] }
    retry: 1
    run:
      - |
        test -e tried-${matrix.py} && waits= || waits='<failure message="late"/>'
        touch tried-${matrix.py}
        adds=; test ${matrix.py} = a || adds='<failure message="expected 3, was 4"/>'
        mkdir -p out
        printf '<testsuite name="s"><testcase classname="Cart" name="waits" time="0.5">%s</testcase>
        <testcase classname="Cart" name="adds">%s</testcase></testsuite>' "$waits" "$adds" > out/${matrix.py}.xml
        printf 'SF:a.py\nDA:1,1\nDA:2,0\nend_of_record\n' > out/${matrix.py}.info
        test -z "$adds$waits"
    reports: { junit: "out/${matrix.py}.xml", coverage: ["out/${matrix.py}.info"] }
"#;

#[test]
fn attempts_and_combinations_become_one_result() {
    let project = TestProject::new().file("pipelines/p.yml", UNIT);
    let ended = project.run(["run", "p", "--parallel", "1"]);
    assert_eq!(ended.code, 1, "{ended}");
    let shown = ended.stdout;
    let from = shown.find("tests  ").expect("results");
    insta::assert_snapshot!(&shown[from..], @r#"
    tests  1 failed, 1 passed, 1 flaky among them  N.NN s
      ✗ unit[b]  Cart adds
          expected 3, was 4
      ~ unit[a], unit[b]  Cart waits
          late
    coverage  50.0 % of 2 lines
    ✗ run  unit[b]  exit code 1

    p  failed: 1 step done, 1 failed  N.NN s
       what was done is not undone; `windlass run p` starts again                                 exit 1
    "#);
    let kept = project.done(["runs", "show", "1"]).stdout;
    assert!(kept.contains("tests  1 failed, 1 passed, 1 flaky among them"), "{kept}");
    let events = project.done(["runs", "show", "1", "--json"]).stdout;
    let results = events.lines().find(|line| line.contains("\"results\"")).expect("an event");
    let results: serde_json::Value = serde_json::from_str(results).expect("JSON");
    assert_eq!(results["failed"], 1);
    assert_eq!(results["lines"], serde_json::json!([1, 2]));
}

#[test]
fn a_step_that_leaves_no_report_fails_and_says_where_it_was_looked_for() {
    let steps = "pipeline: p\nsteps:\n  unit: { run: [touch other.xml], reports: { junit: \"out/*.xml\" } }\n";
    let project = TestProject::new().file("pipelines/p.yml", steps);
    insta::assert_snapshot!(project.run(["run", "p"]), @r#"
    p  run, run 1: 1 step
        unit | — no report: nothing matches `out/*.xml`
      ✗ run  unit  no report: nothing matches `out/*.xml`  N.NN s
    ✗ run  unit  no report: nothing matches `out/*.xml`
        try: it is looked for in /project

    p  failed: 1 failed  N.NN s
       what was done is not undone; `windlass run p` starts again                                 exit 1
    --- exit 1
    "#);
    let none = steps.replace("junit: \"out/*.xml\"", "");
    let project = TestProject::new().file("pipelines/p.yml", &none);
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: which reports? Say `junit`, `robot` or `coverage`
      ╭▸ pipelines/p.yml:3:35
      │
    3 │   unit: { run: [touch other.xml], reports: {  } }
      ╰╴                                  ━━━━━━━

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    "#);
}

#[test]
fn secrets_in_reports_are_covered() {
    let steps = "pipeline: p
env: { KEY: \"${secret.key}\" }
steps:
  unit:
    run: [\"printf '<testsuite><testcase name=\\\"%s\\\"><failure>%s</failure></testcase></testsuite>' $KEY $KEY > a.xml\"]
    reports: { junit: a.xml }
";
    let project = TestProject::new().file("pipelines/p.yml", steps);
    project.with_input(["secret", "set", "key"], "canary-7431-of-reports");
    let shown = project.run(["run", "p"]).to_string();
    assert!(shown.contains("1 failed") && !shown.contains("canary-7431"), "{shown}");
    let kept = std::fs::read_to_string(project.place(".windlass/logs/1/reports")).unwrap();
    assert!(kept.contains("failed") && !kept.contains("canary-7431"), "{kept}");
}
