//! Schedules of pipelines, as `check` sees them.

use crate::cli::project::TestProject;

fn pipeline(on: &str) -> TestProject {
    let text = format!("pipeline: night\non:\n{on}steps:\n  go: {{ run: [\"true\"] }}\n");
    TestProject::new().file("pipelines/night.yml", &text)
}

#[test]
fn check_says_when_a_pipeline_is_due() {
    let project = pipeline("  schedule: { cron: \"0 3 1 1 *\", zone: Europe/Berlin }\n");
    insta::assert_snapshot!(project.run(["check"]), @"
    1 file checked, nothing is wrong
    pipelines/night.yml  due next NNNN-NN-NN NN:NN CET, by 0 3 1 1 *
    --- exit 0
    ");
    let told = project.done(["check", "--json"]).stdout;
    assert!(told.contains(r#""cron":"0 3 1 1 *","zone":"Europe/Berlin","next":""#), "{told}");
}

#[test]
fn several_and_plain_ones_are_read() {
    let project =
        pipeline("  schedule:\n    - { cron: \"0 3 * * *\" }\n    - { cron: \"0 4 * * *\" }\n");
    assert_eq!(project.done(["check"]).stdout.lines().count(), 3);
    let plain = pipeline("  schedule: \"@daily\"\n").run(["check"]);
    assert!(plain.to_string().contains("short forms are not known here"), "{plain}");
}

#[test]
fn what_is_wrong_is_shown_in_its_field() {
    let project = pipeline(
        "  schedule:
    - { cron: \"0 25 * * *\" }
    - { cron: \"0 3 * * * Europe/Berlin\" }
    - { cron: 0 3 30 2 * }
    - { cron: \"0 3 * * *\", zone: Europe/Berln, overlap: both, catch_up: latst }
    - { cron: \"0 3 * * *\", catch_up: all }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: `0 25 * * *` is not a schedule
      ╭▸ pipelines/night.yml:4:18
      │
    4 │     - { cron: "0 25 * * *" }
      │                  ━━
      │
      ╰ note: the hour cannot be `25`: it is 0 to 23, `*`, a list `1,2`, a range `1-5` or a step
              `*/2`

    error[W014]: `0 3 * * * Europe/Berlin` is not a schedule
      ╭▸ pipelines/night.yml:5:15
      │
    5 │     - { cron: "0 3 * * * Europe/Berlin" }
      ╰╴              ━━━━━━━━━━━━━━━━━━━━━━━━━ the time zone stands under `zone`, beside `cron`

    error[W014]: `0 3 30 2 *` is not a schedule
      ╭▸ pipelines/night.yml:6:15
      │
    6 │     - { cron: 0 3 30 2 * }
      ╰╴              ━━━━━━━━━━ there is no such day in four years

    error[W014]: `Europe/Berln` is not a time zone
      ╭▸ pipelines/night.yml:7:34
      │
    7 │     - { cron: "0 3 * * *", zone: Europe/Berln, overlap: both, catch_up: latst }
      ╰╴                                 ━━━━━━━━━━━━ did you mean `Europe/Berlin`?

    error[W014]: `both` is none of the choices here
      ╭▸ pipelines/night.yml:7:57
      │
    7 │     - { cron: "0 3 * * *", zone: Europe/Berln, overlap: both, catch_up: latst }
      │                                                         ━━━━
      │
      ╰ note: expected `skip`, `queue` or `cancel`

    error[W014]: `latst` is none of the choices here
      ╭▸ pipelines/night.yml:7:73
      │
    7 │     - { cron: "0 3 * * *", zone: Europe/Berln, overlap: both, catch_up: latst }
      ╰╴                                                                        ━━━━━ did you mean `latest`?

    error[W014]: runs that are made up for come all at once: this wants `overlap: queue`
      ╭▸ pipelines/night.yml:8:38
      │
    8 │     - { cron: "0 3 * * *", catch_up: all }
      ╰╴                                     ━━━

    1 file checked, 7 errors.                                                                     exit 2
    --- exit 2
    "#);
}

#[test]
fn nobody_gives_parameters_to_a_schedule() {
    let project = pipeline(
        "  schedule: \"0 3 * * *\"
  manual:
    parameters:
      version: { type: string }
      level: { type: string, default: low }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @"
    --- stderr
    error[W011]: nobody gives `version` when a schedule starts the pipeline
      ╭▸ pipelines/night.yml:6:7
      │
    6 │       version: { type: string }
      │       ━━━━━━━
      │
      ╰ help: give it a `default`, or take `schedule` out

    1 file checked, 1 error.                                                                      exit 2
    --- exit 2
    ");
}
