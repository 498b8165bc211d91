//! Repositories that live elsewhere, as `check` sees them in `windlass.yml`.

use crate::cli::project::TestProject;

#[test]
fn what_would_not_work_or_give_secrets_away_is_refused() {
    let project = TestProject::new().file(
        "windlass.yml",
        "server: lab
repositories:
  a:
    follow: { url: \"https://ada:hunter2@git.test/a.git\" }
  b:
    follow: { url: \"http://git.test/b.git\", token: \"${secret.b}\", poll: 10ms }
  c:
    follow: { url: \"https://git.test/c.git\", secret: \"${secret.c}\", branches: [refs/heads/main] }
  d:
    follow: { url: --upload-pack=x, provider: gitea, api: \"http://git.test/api/v1\", branches: [] }
  fine:
    follow: { url: \"http://127.0.0.1:3000/a/b.git\", provider: gitea, token: \"${secret.d}\" }
",
    );
    insta::assert_snapshot!(project.run(["check"]), @r#"
    --- stderr
    error[W014]: a password in an address is shown by logs and lists of processes: take it out, and
                 write `token: ${secret.NAME}`
      ╭▸ windlass.yml:4:20
      │
    4 │     follow: { url: "https://ada:hunter2@git.test/a.git" }
      ╰╴                   ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━

    error[W014]: everybody on the way could read the token: write https://
      ╭▸ windlass.yml:6:20
      │
    6 │     follow: { url: "http://git.test/b.git", token: "${secret.b}", poll: 10ms }
      ╰╴                   ━━━━━━━━━━━━━━━━━━━━━━━

    error[W014]: nobody is asked more often than once a second: write `1s` or more
      ╭▸ windlass.yml:6:73
      │
    6 │     follow: { url: "http://git.test/b.git", token: "${secret.b}", poll: 10ms }
      ╰╴                                                                        ━━━━

    error[W014]: each provider signs its webhooks in its own way: write `provider` as well
      ╭▸ windlass.yml:8:54
      │
    8 │     follow: { url: "https://git.test/c.git", secret: "${secret.c}", branches: [refs/hea…
      ╰╴                                                     ━━━━━━━━━━━━━

    error[W014]: write `refs/heads/main` without `refs/heads/`
      ╭▸ windlass.yml:8:79
      │
    8 │ …, secret: "${secret.c}", branches: [refs/heads/main] }
      ╰╴                                    ━━━━━━━━━━━━━━━━

    error[W014]: this is no address that Git could fetch from
       ╭▸ windlass.yml:10:20
       │
    10 │     follow: { url: --upload-pack=x, provider: gitea, api: "http://git.test/api/v1", br…
       ╰╴                   ━━━━━━━━━━━━━━━

    error[W014]: everybody on the way could read the token: write https://
       ╭▸ windlass.yml:10:59
       │
    10 │ …pack=x, provider: gitea, api: "http://git.test/api/v1", branches: [] }
       ╰╴                               ━━━━━━━━━━━━━━━━━━━━━━━━

    error[W014]: nothing would be followed: name a branch
       ╭▸ windlass.yml:10:95
       │
    10 │ … api: "http://git.test/api/v1", branches: [] }
       ╰╴                                           ━

    1 file checked, 8 errors.                                                                     exit 2
    --- exit 2
    "#);
}
