//! The browser guard: a web page must not be able to run code on a developer's machine.
//!
//! A page can make a browser send requests to a loopback port. It can't choose the headers the
//! browser adds, so an `Origin` other than this very server, a `Sec-Fetch-Site` that tells of
//! another page, or a `Host` that isn't ours (DNS rebinding) is refused before anything is routed.

use aws::door::Request;

/// Why a request is refused, as the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the Host header `{0}` does not name this server; call it as 127.0.0.1 or localhost")]
    ForeignHost(String),
    #[error("the Origin `{0}` is foreign; web pages may not call this server")]
    ForeignOrigin(String),
    #[error("a browser sent this request for another site; web pages may not call this server")]
    CrossSite,
}

/// The names that a server is called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Those of this machine, and AWS's.
    #[default]
    Ours,
    /// Every name: where each signature is verified, a page that found this server under a name of
    /// its own has nothing to sign with.
    Any,
}

/// Refuses what a browser sent on behalf of a page that isn't ours.
pub(crate) fn check(request: &Request, hosts: Hosts) -> Result<(), Refused> {
    let host = request.header("host");
    let foreign = host.filter(|host| hosts == Hosts::Ours && !is_ours(host));
    if let Some(host) = foreign {
        return Err(Refused::ForeignHost(host.to_owned()));
    }
    if let Some(origin) = request.header("origin") {
        // A page of another port of this machine is somebody else's as well.
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        if authority.is_none() || authority != host {
            return Err(Refused::ForeignOrigin(origin.to_owned()));
        }
    }
    match request.header("sec-fetch-site") {
        Some("cross-site" | "same-site") => Err(Refused::CrossSite),
        _ => Ok(()),
    }
}

/// A loopback name with any port. SDKs put `sync-` before it for two operations, and services put
/// their own name before `localhost`. AWS's own name of Step Functions is that of a client whose
/// resolver or proxy leads here; nobody else can make a browser find this machine under it.
fn is_ours(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_prefix("sync-").unwrap_or(name);
    let (_, last_label) = name.rsplit_once('.').unwrap_or(("", name));
    last_label.eq_ignore_ascii_case("localhost")
        || is_aws(name)
        || name
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// `states.<region>.amazonaws.com`, or that of China.
fn is_aws(name: &str) -> bool {
    let region = name.strip_prefix("states.").and_then(|rest| {
        let china = rest.strip_suffix(".amazonaws.com.cn");
        china.or_else(|| rest.strip_suffix(".amazonaws.com"))
    });
    region.is_some_and(aws::route::is_region)
}

#[cfg(test)]
mod tests;
