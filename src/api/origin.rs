use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, header};

use crate::config::{ForwardedHeader, HttpConfig};

/// Steps from one proxy to the next that are followed; no installation has as many, and what follows was made up by somebody.
const HOPS_MAX: usize = 16;

/// Returns the address from which a request comes: that of the connection, or, where it is a trusted proxy's, the one for which the
/// proxies ask. None where the service was not told who connects, as in tests without a network.
pub fn find_origin(extensions: &Extensions, headers: &HeaderMap, config: &HttpConfig) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(follow_proxies(peer.ip().to_canonical(), headers, config))
}

/// Returns scheme and host under which a trusted proxy was reached, where it tells them: `Forwarded`, or `X-Forwarded-Proto` and
/// `X-Forwarded-Host`. None where the connection is not such a proxy's.
pub fn find_address(extensions: &Extensions, headers: &HeaderMap, config: &HttpConfig) -> Option<(Option<String>, Option<String>)> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip().to_canonical();
    if !config.trusted_proxies.iter().any(|network| network.contains(&peer)) {
        return None;
    }
    // The nearest proxy stands last, and only its word is trusted for certain; those before it have written what it was given.
    let last = |name: &str| headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim).map(str::to_owned);
    match config.forwarded_header {
        ForwardedHeader::XForwardedFor => Some((last("x-forwarded-proto"), last("x-forwarded-host"))),
        ForwardedHeader::Forwarded => {
            let step = last("forwarded")?;
            let find = |wanted: &str| {
                let pairs = step.split(';').filter_map(|pair| pair.split_once('='));
                pairs.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            };
            let value = |wanted: &str| find(wanted).map(|(_, value)| value.trim_matches('"').to_owned());
            Some((value("proto"), value("host")))
        }
    }
}

/// Goes back from proxy to proxy for as long as they are trusted. Each adds the address that it sees at the end; what stands before
/// the first that is not trusted was written by nobody knows whom.
fn follow_proxies(peer: IpAddr, headers: &HeaderMap, config: &HttpConfig) -> IpAddr {
    let is_trusted = |address: &IpAddr| config.trusted_proxies.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let name = match config.forwarded_header {
        ForwardedHeader::XForwardedFor => header::HeaderName::from_static("x-forwarded-for"),
        ForwardedHeader::Forwarded => header::FORWARDED,
    };
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    let steps = lines.iter().rev().flat_map(|line| line.rsplit(',')).take(HOPS_MAX);
    let mut origin = peer;
    for step in steps {
        let address = match config.forwarded_header {
            ForwardedHeader::XForwardedFor => parse_node(step),
            ForwardedHeader::Forwarded => find_for(step).and_then(parse_node),
        };
        // A step that cannot be read ends the way: the proxy that wrote it is the last that is known.
        let Some(address) = address else { break };
        origin = address;
        if !is_trusted(&origin) {
            break;
        }
    }
    origin
}

/// Finds `for=` among the parameters of one step. RFC 7239, section 4.
fn find_for(step: &str) -> Option<&str> {
    step.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })
}

/// Reads an address, with a port or without, in quotes and brackets or without.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let plain = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, which: ForwardedHeader, headers: &[(&'static str, &str)]) -> String {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let config = HttpConfig { trusted_proxies, forwarded_header: which, ..HttpConfig::default() };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        follow_proxies(peer.parse().unwrap(), &map, &config).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let asked = |peer: &str, value: &str| origin(peer, ForwardedHeader::XForwardedFor, &[("x-forwarded-for", value)]);
        assert_eq!(asked("198.51.100.1", "203.0.113.9"), "198.51.100.1");
        assert_eq!(asked("10.0.0.1", "203.0.113.9"), "203.0.113.9");
        // What the caller wrote itself stands before what the proxies have added.
        assert_eq!(asked("10.0.0.1", "192.0.2.66, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(asked("10.0.0.1", "10.0.0.3"), "10.0.0.3");
        assert_eq!(asked("10.0.0.1", "unknown"), "10.0.0.1");
        assert_eq!(asked("10.0.0.1", "203.0.113.9, rubbish"), "10.0.0.1");
        assert_eq!(asked("fd00::1", "[2001:db8::7]:4711"), "2001:db8::7");
        assert_eq!(origin("10.0.0.1", ForwardedHeader::XForwardedFor, &[]), "10.0.0.1");
    }

    #[test]
    fn lines_of_a_header_count_as_one_and_the_other_header_is_not_read() {
        let lines = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(origin("10.0.0.1", ForwardedHeader::XForwardedFor, &lines), "203.0.113.9");
        let forwarded = [("forwarded", "for=192.0.2.66, For=\"[2001:db8::7]:47\";proto=https"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(origin("10.0.0.1", ForwardedHeader::Forwarded, &forwarded), "2001:db8::7");
        assert_eq!(origin("10.0.0.1", ForwardedHeader::Forwarded, &[("forwarded", "for=_hidden;by=10.0.0.1")]), "10.0.0.1");
    }
}
