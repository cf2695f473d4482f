//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Error;

/// IPv4 networks that are not of the public Internet (IANA, "IPv4 Special-Purpose Address
/// Registry"), and one public address that clouds use for themselves.
const SPECIAL_V4: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Between a provider and its customers; Alibaba Cloud's metadata.
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local; the metadata of most clouds.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    // Protocol assignments; Oracle Cloud's metadata.
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    // Relays to 6to4.
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Azure's agent of the platform.
    ([168, 63, 129, 16], 32),
    // Multicast, reserved, broadcast.
    ([224, 0, 0, 0], 3),
];

/// IPv6 networks within global unicast (`2000::/3`) that are not of the public Internet, or hold
/// an IPv4 address that nobody has looked at.
const SPECIAL_V6: &[([u16; 3], u8)] = &[
    // Protocol assignments, with Teredo.
    ([0x2001, 0, 0], 23),
    ([0x2001, 0x0db8, 0], 32),
    // 6to4.
    ([0x2002, 0, 0], 16),
    ([0x3fff, 0, 0], 20),
];

/// Whether an address belongs to the public Internet. Addresses that stand for an IPv4 address
/// (mapped, NAT64, 6to4) do not count as public.
///
/// ```
/// assert!(outbound::is_public("1.1.1.1".parse().unwrap()));
/// assert!(!outbound::is_public("::ffff:1.1.1.1".parse().unwrap()));
/// ```
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let mut special = SPECIAL_V4.iter();
            !special.any(|(network, length)| {
                Network::new(Ipv4Addr::from(*network).into(), *length).contains(address.into())
            })
        }
        IpAddr::V6(address) => {
            let global = Network::new(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0).into(), 3);
            let mut special = SPECIAL_V6.iter();
            global.contains(address.into())
                && !special.any(|([a, b, c], length)| {
                    let network = Ipv6Addr::new(*a, *b, *c, 0, 0, 0, 0, 0);
                    Network::new(network.into(), *length).contains(address.into())
                })
        }
    }
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// Leading bits that count.
    length: u8,
}

impl Network {
    fn new(address: IpAddr, length: u8) -> Network {
        Network { address, length }
    }

    /// `10.1.0.0/16`, `fd00::/8`, or an address by itself.
    fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(bits);
        (length <= bits).then_some(Network { address, length })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let length = u32::from(self.length);
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differ = a.to_bits() ^ b.to_bits();
                differ.leading_zeros() >= length
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differ = a.to_bits() ^ b.to_bits();
                differ.leading_zeros() >= length
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What may be called although it is not public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    hosts: Vec<String>,
    networks: Vec<Network>,
}

impl Allowed {
    /// Hosts, addresses and networks as the setting lists them.
    pub(crate) fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Allowed, Error> {
        let mut allowed = Allowed::default();
        for entry in entries {
            let entry = entry.as_ref();
            match Network::parse(entry) {
                Some(network) => allowed.networks.push(network),
                None if is_host(entry) => allowed.hosts.push(entry.to_ascii_lowercase()),
                None => return Err(Error::Allowed(entry.to_owned())),
            }
        }
        Ok(allowed)
    }

    /// Whether a host may be called at all of its `addresses`; the first that forbids it.
    pub(crate) fn check(&self, host: &str, addresses: &[IpAddr]) -> Result<(), IpAddr> {
        if self.hosts.iter().any(|h| h.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        let mut addresses = addresses.iter();
        let is_allowed = |address: IpAddr| {
            is_public(address) || self.networks.iter().any(|n| n.contains(address))
        };
        match addresses.find(|address| !is_allowed(**address)) {
            None => Ok(()),
            Some(address) => Err(*address),
        }
    }
}

fn is_host(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !text.is_empty() && text.bytes().all(known)
}

#[cfg(test)]
mod tests;
