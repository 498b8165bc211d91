//! How much may be destroyed unasked, and how long a step may take: what is said then.

use crate::cli::project::TestProject;

#[test]
fn a_plan_that_destroys_much_says_what_to_type() {
    let four = |owner: &str| -> String {
        (1..=4)
            .map(|n| {
                format!("  note{n}: {{ kind: data.value, input: x, replace_when: {owner} }}\n")
            })
            .collect()
    };
    let project = TestProject::of(&four("one"));
    project.done(["apply", "-y"]);
    project.write("stacks/shop.yml", format!("stack: shop\nresources:\n{}", four("two")));
    insta::assert_snapshot!(project.run(["plan"]), @r#"
    shop  4 to replace  N.NN s

      ± data.value  note1  replaced: replace_when changed, create first
          replace_when   one → two   stacks/shop.yml:3
      ± data.value  note2  replaced: replace_when changed, create first
          replace_when   one → two   stacks/shop.yml:4
      ± data.value  note3  replaced: replace_when changed, create first
          replace_when   one → two   stacks/shop.yml:5
      ± data.value  note4  replaced: replace_when changed, create first
          replace_when   one → two   stacks/shop.yml:6

    Apply it:  windlass apply shop --allow-deletes 4      Keep it:  windlass plan shop -o shop.plan
    --- exit 0
    "#);
    project.done(["apply", "-y", "--allow-deletes", "4"]);
}

#[test]
fn a_step_whose_time_is_up_says_what_it_was_at() {
    let project = TestProject::of(
        "  web:
    kind: process.service
    command: [sh, -c, exit 3]
    health: { tcp: 1 }
    timeout: 2s
    attempts: 1
",
    );
    let answer = project.run(["apply", "-y"]);
    assert_eq!(answer.code, 1, "{answer}");
    assert!(answer.stdout.contains("no end within"), "{answer}");
    assert!(answer.stdout.contains(": ended (exit code 3), started"), "{answer}");
    project.run(["destroy", "shop", "-y"]);
}
