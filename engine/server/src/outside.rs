//! What comes from outside and goes there: who follows which repository, whose webhooks are believed, who is
//! told of runs, and the time. Made ready before anything is served, so that what is missing is said then.

use std::sync::Arc;

use model::file::server::{Follow, Provider, Server};
use model::{SecretText, Secrets};
use runtime::engine::Problem;

use crate::house::House;
use crate::repository::fits;
use crate::settings::secret_text;
use crate::status::{Place, Teller};
use crate::trouble::usage;
use crate::webhook::{self, Hooks, Key};
use crate::{poll, schedule, status};

/// Returns the keys with which webhooks are signed.
///
/// # Errors
/// A secret is not there, or cannot be one.
pub(crate) fn hooks(file: &Server, secrets: &dyn Secrets) -> Result<Hooks, Problem> {
    let mut hooks = Hooks::new();
    for (name, follow) in followed(file) {
        let (Some(secret), Some(provider)) = (&follow.secret, follow.provider) else { continue };
        let text = secret_text(secrets, &secret.name)?;
        let key = Key::new(of_file(provider), &text).map_err(|error| {
            let message = format!("the secret `{}` of {name}: {error}", secret.name);
            usage(message, format!("keep another one: windlass secret set {}", secret.name))
        })?;
        hooks.insert(name.to_owned(), Arc::new(key));
    }
    Ok(hooks)
}

fn of_file(provider: Provider) -> webhook::Provider {
    match provider {
        Provider::Github => webhook::Provider::Github,
        Provider::Gitlab => webhook::Provider::Gitlab,
        Provider::Gitea => webhook::Provider::Gitea,
    }
}

fn followed(file: &Server) -> impl Iterator<Item = (&str, &Follow)> {
    let repositories = file.repositories.iter();
    repositories.filter_map(|(name, one)| Some((name.0.as_str(), one.follow.as_ref()?)))
}

/// Begins everything that goes on by itself, until the server ends.
///
/// # Errors
/// A token that the file names is not there.
pub(crate) fn begin(house: &Arc<House>) -> Result<(), Problem> {
    let mut tasks: Vec<(String, Follow, Option<SecretText>)> = Vec::new();
    for (name, follow) in followed(&house.settings.file) {
        let token = follow.token.as_ref();
        let token = token.map(|token| secret_text(&*house.secrets, &token.name)).transpose()?;
        tasks.push((name.to_owned(), follow.clone(), token));
    }
    for (name, follow, token) in tasks {
        if let (Some(place), Some(token)) = (Place::of(&follow), token.clone()) {
            let teller = Teller { repository: name.clone(), place, token };
            tokio::spawn(status::tell(Arc::clone(house), teller));
        }
        tokio::spawn(poll::follow(Arc::clone(house), name, follow, token));
    }
    tokio::spawn(schedule::keep_time(Arc::clone(house)));
    Ok(())
}

/// Returns whether pushes to this branch of a repository are followed.
pub(crate) fn is_followed(file: &Server, repository: &str, branch: &str) -> bool {
    let mut of_repository = followed(file).filter(|(name, _)| *name == repository);
    of_repository.any(|(_, follow)| follow.branches.iter().any(|pattern| fits(pattern, branch)))
}

/// Returns the branch whose schedules count: the first that is followed by its whole name, or `main`.
pub(crate) fn first_branch<'f>(file: &'f Server, repository: &str) -> &'f str {
    let mut of_repository = followed(file).filter(|(name, _)| *name == repository);
    let whole = |branch: &&String| !branch.contains(['*', '?', '[']);
    let first = of_repository.next().and_then(|(_, follow)| follow.branches.iter().find(whole));
    first.map_or("main", String::as_str)
}
