//! Whom a statement of a resource or a trust policy speaks of.
//!
//! Source: the IAM user guide, "AWS JSON policy elements: Principal" and "... NotPrincipal".

use std::ops::BitOr;

use crate::iam::Principal;

/// Principal or NotPrincipal, compiled.
#[derive(Debug)]
pub(super) struct Principals {
    entries: Box<[Entry]>,
    is_negated: bool,
}

/// One entry, by what it names.
#[derive(Debug)]
enum Entry {
    /// `*`.
    Everyone,
    /// `111122223333` or `arn:aws:iam::111122223333:root`: whoever belongs to the account.
    Account(Box<str>),
    /// A user or a role by its ARN; the ARN of an identity provider or its domain.
    Name(Box<str>),
    /// `AIDA...` or `AROA...`: exactly the user or role that had this id, no namesake.
    Id(Box<str>),
    /// `arn:aws:sts::A:assumed-role/NAME/SESSION`.
    Session {
        account: Box<str>,
        role_name: Box<str>,
        session_name: Box<str>,
    },
    /// `arn:aws:sts::A:federated-user/NAME`.
    FederatedUser { account: Box<str>, name: Box<str> },
    /// `states.amazonaws.com`, or with a Region `states.us-east-1.amazonaws.com`.
    Service(Box<str>),
    /// Of a kind that nobody here has: `CanonicalUser`.
    Nobody,
}

/// By which of its names a principal is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::iam) struct Named {
    /// The caller itself: a user, a session, a service, an identity provider; or everyone.
    pub(in crate::iam) itself: bool,
    /// The role of a session; the user of a federated session.
    pub(in crate::iam) origin: bool,
    pub(in crate::iam) account: bool,
}

impl Named {
    const NOT: Named = Named {
        itself: false,
        origin: false,
        account: false,
    };
    const EVERYONE: Named = Named {
        itself: true,
        origin: true,
        account: true,
    };
    const ITSELF: Named = Named {
        itself: true,
        ..Named::NOT
    };
    const ORIGIN: Named = Named {
        origin: true,
        ..Named::NOT
    };
    const ACCOUNT: Named = Named {
        account: true,
        ..Named::NOT
    };

    pub(in crate::iam) fn is_any(self) -> bool {
        self != Named::NOT
    }
}

impl BitOr for Named {
    type Output = Named;

    fn bitor(self, other: Named) -> Named {
        Named {
            itself: self.itself || other.itself,
            origin: self.origin || other.origin,
            account: self.account || other.account,
        }
    }
}

impl Principals {
    /// Compiles entries: the kind of each (`AWS`, `Service` ...) and its text.
    pub(super) fn new<'t>(
        entries: impl Iterator<Item = (&'t str, &'t str)>,
        is_negated: bool,
    ) -> Principals {
        Principals {
            entries: entries.map(|(kind, text)| Entry::new(kind, text)).collect(),
            is_negated,
        }
    }

    /// Everyone: whom a statement that can't be read denies.
    pub(super) fn everyone() -> Principals {
        Principals {
            entries: Box::new([Entry::Everyone]),
            is_negated: false,
        }
    }

    /// By which of its names the statement means `principal`, which may have a permissions
    /// boundary.
    ///
    /// A Deny with NotPrincipal spares only whom it lists by all names: session, role and account;
    /// and nobody who has a boundary. An Allow with NotPrincipal is for all whom it doesn't list by
    /// any.
    pub(super) fn named(&self, principal: &Principal, denies: bool, is_bounded: bool) -> Named {
        let entries = self.entries.iter().map(|entry| entry.named(principal));
        let listed = entries.fold(Named::NOT, BitOr::bitor);
        if !self.is_negated {
            return listed;
        }
        let is_spared = if denies {
            !is_bounded && listed | names_of(principal) == listed
        } else {
            listed.is_any()
        };
        if is_spared {
            Named::NOT
        } else {
            Named::EVERYONE
        }
    }
}

/// The names a principal has.
fn names_of(principal: &Principal) -> Named {
    match principal {
        Principal::Root { .. } => Named::ACCOUNT,
        Principal::User { .. } => Named::ITSELF | Named::ACCOUNT,
        Principal::Role(_) | Principal::FederatedUser(_) => Named::EVERYONE,
        Principal::Anonymous | Principal::Federated { .. } | Principal::Service { .. } => {
            Named::ITSELF
        }
    }
}

impl Entry {
    fn new(kind: &str, text: &str) -> Entry {
        match kind {
            _ if text == "*" => Entry::Everyone,
            "AWS" => Entry::aws(text),
            "Service" => Entry::Service(text.into()),
            "Federated" => Entry::Name(text.into()),
            _ => Entry::Nobody,
        }
    }

    fn aws(text: &str) -> Entry {
        let name = || Entry::Name(text.into());
        let Some(rest) = text.strip_prefix("arn:aws:") else {
            let is_account = text.bytes().all(|b| b.is_ascii_digit());
            return match text {
                _ if is_account => Entry::Account(text.into()),
                _ if text.starts_with("arn:") => name(),
                _ => Entry::Id(text.into()),
            };
        };
        if let Some(account) = rest
            .strip_prefix("iam::")
            .and_then(|r| r.strip_suffix(":root"))
        {
            return Entry::Account(account.into());
        }
        let Some((account, name_of_session)) =
            rest.strip_prefix("sts::").and_then(|r| r.split_once(':'))
        else {
            return name();
        };
        let parts: Vec<&str> = name_of_session.splitn(3, '/').collect();
        match *parts {
            ["assumed-role", role_name, session_name] => Entry::Session {
                account: account.into(),
                role_name: role_name.into(),
                session_name: session_name.into(),
            },
            ["federated-user", name] => Entry::FederatedUser {
                account: account.into(),
                name: name.into(),
            },
            _ => name(),
        }
    }

    fn named(&self, principal: &Principal) -> Named {
        let (is_named, as_what) = match (self, principal) {
            (Entry::Everyone, _) => (true, Named::EVERYONE),
            (Entry::Account(own), _) => (
                principal
                    .account()
                    .is_some_and(|account| **account == **own),
                Named::ACCOUNT,
            ),
            (Entry::Name(name), Principal::User { arn, .. }) => (**arn == **name, Named::ITSELF),
            (Entry::Id(own), Principal::User { id, .. }) => (**id == **own, Named::ITSELF),
            (Entry::Name(name), Principal::Role(session)) => {
                (*session.role_arn == **name, Named::ORIGIN)
            }
            (Entry::Id(id), Principal::Role(session)) => (*session.role_id == **id, Named::ORIGIN),
            (
                Entry::Session {
                    account,
                    role_name,
                    session_name,
                },
                Principal::Role(session),
            ) => (
                *session.session_name == **session_name
                    && *session.role_name == **role_name
                    && *session.account == **account,
                Named::ITSELF,
            ),
            (Entry::Name(name), Principal::FederatedUser(user)) => {
                (*user.user_arn == **name, Named::ORIGIN)
            }
            (Entry::Id(id), Principal::FederatedUser(user)) => {
                (*user.user_id == **id, Named::ORIGIN)
            }
            (Entry::FederatedUser { account, name }, Principal::FederatedUser(user)) => (
                *user.name == **name && *user.account == **account,
                Named::ITSELF,
            ),
            (Entry::Name(name), Principal::Federated { provider, .. }) => {
                (**provider == **name, Named::ITSELF)
            }
            (Entry::Service(own), Principal::Service { name, region, .. }) => {
                (is_service(own, name, region), Named::ITSELF)
            }
            _ => (false, Named::NOT),
        };
        if is_named { as_what } else { Named::NOT }
    }
}

/// Whether an entry means the service: by its name, or by that of the Region it calls from.
fn is_service(entry: &str, name: &str, region: &str) -> bool {
    let regional = || {
        let (service, domain) = name.split_once('.')?;
        let rest = entry.strip_prefix(service)?.strip_prefix('.')?;
        Some(rest.strip_prefix(region)?.strip_prefix('.')? == domain)
    };
    entry == name || regional().unwrap_or_default()
}
