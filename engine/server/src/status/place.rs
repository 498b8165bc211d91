//! Where the API of a provider is, and what it calls a repository.
//!
//! Pure: it must not ask anybody.

use model::file::server::{Follow, Provider};

/// A repository as an API knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Who hosts it.
    pub(crate) provider: Provider,
    /// The API, without a slash at the end: `https://api.github.com`.
    pub(crate) api: String,
    /// Owner and name: `ada/shop`; groups of GitLab may lie deeper.
    pub(crate) project: String,
}

impl Place {
    /// Returns where commit statuses go; None: there is no provider, or its address says no project.
    pub(crate) fn of(follow: &Follow) -> Option<Self> {
        let provider = follow.provider?;
        let address = Address::of(&follow.url);
        let in_url = || address.as_ref().map(Address::project);
        let project = follow.project.as_deref().or_else(in_url)?;
        let in_file =
            || follow.api.as_ref().map(|api| api.as_str().trim_end_matches('/').to_owned());
        let api = in_file().or_else(|| Some(address.as_ref()?.api(provider)))?;
        (!project.is_empty()).then(|| Self { provider, api, project: project.to_owned() })
    }
}

/// What an address of Git consists of.
struct Address<'a> {
    /// How its API is reached.
    scheme: &'static str,
    /// With the port, where that is one for HTTP.
    host: &'a str,
    path: &'a str,
}

impl<'a> Address<'a> {
    /// What an API calls it.
    fn project(&self) -> &'a str {
        self.path.trim_matches('/').trim_end_matches(".git")
    }

    /// Where the API is, where every provider has it.
    fn api(&self, provider: Provider) -> String {
        let Self { scheme, host, .. } = self;
        match provider {
            Provider::Github if *host == "github.com" => "https://api.github.com".to_owned(),
            Provider::Github => format!("{scheme}://{host}/api/v3"),
            Provider::Gitlab => format!("{scheme}://{host}/api/v4"),
            Provider::Gitea => format!("{scheme}://{host}/api/v1"),
        }
    }

    fn of(url: &'a str) -> Option<Self> {
        if let Some((scheme, rest)) = url.split_once("://") {
            let (authority, path) = rest.split_once('/')?;
            let host = authority.rsplit('@').next()?;
            let over_ssh = || host.rsplit_once(':').map_or(host, |(host, _)| host);
            return match scheme {
                "https" => Some(Self { scheme: "https", host, path }),
                "http" => Some(Self { scheme: "http", host, path }),
                // Its port is one for SSH.
                "ssh" => Some(Self { scheme: "https", host: over_ssh(), path }),
                _ => None,
            };
        }
        // `git@github.com:ada/shop.git`, and no path on a disk.
        let (login, path) = url.split_once(':').filter(|(login, _)| !login.contains('/'))?;
        let host = login.rsplit('@').next()?;
        Some(Self { scheme: "https", host, path })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

    use language::{Leaf, Period, Url};

    use super::*;

    fn place(url: &str, provider: Provider) -> Option<(String, String)> {
        let follow = Follow {
            url: url.to_owned(),
            provider: Some(provider),
            branches: vec!["main".to_owned()],
            poll: Period::parse("1m").unwrap(),
            secret: None,
            token: None,
            api: None,
            project: None,
        };
        Place::of(&follow).map(|place| (place.api, place.project))
    }

    #[test]
    fn every_form_of_an_address_leads_to_the_api() {
        let hub = Some(("https://api.github.com".to_owned(), "ada/shop".to_owned()));
        for url in [
            "https://github.com/ada/shop.git",
            "https://github.com/ada/shop",
            "https://github.com/ada/shop/",
            "git@github.com:ada/shop.git",
            "ssh://git@github.com/ada/shop.git",
            "ssh://git@github.com:22/ada/shop.git",
        ] {
            assert_eq!(place(url, Provider::Github), hub, "{url}");
        }
        let own = place("https://git.shop.test:8443/ada/shop.git", Provider::Github).unwrap();
        assert_eq!(own.0, "https://git.shop.test:8443/api/v3");
        let deep = place("https://gitlab.com/a/b/c/shop.git", Provider::Gitlab).unwrap();
        assert_eq!(deep, ("https://gitlab.com/api/v4".to_owned(), "a/b/c/shop".to_owned()));
        let tea = place("http://127.0.0.1:3000/ada/shop", Provider::Gitea).unwrap();
        assert_eq!(tea.0, "http://127.0.0.1:3000/api/v1");
    }

    #[test]
    fn a_folder_has_no_api() {
        for url in ["/srv/git/shop.git", "../shop.git", "file:///srv/git/shop.git"] {
            assert_eq!(place(url, Provider::Gitea), None, "{url}");
        }
    }

    #[test]
    fn an_api_that_is_named_counts() {
        let follow = Follow {
            url: "https://github.com/ada/shop".to_owned(),
            provider: Some(Provider::Github),
            branches: Vec::new(),
            poll: Period::parse("1m").unwrap(),
            secret: None,
            token: None,
            api: Some(Url::parse("http://127.0.0.1:9/x/").unwrap()),
            project: None,
        };
        assert_eq!(Place::of(&follow).unwrap().api, "http://127.0.0.1:9/x");
    }
}
