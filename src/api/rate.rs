use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;

use super::caller::Identity;
use super::problem::{Problem, ProblemKind};
use crate::config::RateConfig;

/// After this a caller who has not asked is forgotten: by then all of its burst has long come back.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

/// Bits of an IPv6 address that one subscriber is given; the rest is the subscriber's to choose.
const SUBSCRIBER_BITS: u32 = 64;

/// How often each caller may ask: callers with a key by the key, the others by their address.
#[derive(Debug)]
pub struct Rates {
    keys: Bucket<Identity>,
    addresses: Bucket<IpAddr>,
    bounds_loopback: bool,
    clock: DefaultClock,
}

#[derive(Debug)]
struct Bucket<K: Hash + Eq + Send + Sync + 'static> {
    quota: Option<Quota>,
    callers: Cache<K, Arc<DefaultDirectRateLimiter>>,
}

impl Rates {
    pub fn new(config: &RateConfig) -> Self {
        Self {
            keys: Bucket::new(config.per_key_per_s, config.key_burst, config.callers_max),
            addresses: Bucket::new(config.per_address_per_s, config.address_burst, config.callers_max),
            bounds_loopback: config.bounds_loopback,
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request of a caller.
    ///
    /// # Errors
    /// 429 with `Retry-After` where it is one too many.
    pub fn count(&self, identity: &Identity, origin: Option<IpAddr>) -> Result<(), Problem> {
        match identity {
            Identity::Nobody => self.count_address(origin),
            known => self.keys.count(known, &self.clock).map_err(|wait| refuse("this key", wait)),
        }
    }

    /// Counts a request from an address, whoever it is by.
    ///
    /// # Errors
    /// 429 with `Retry-After` where it is one too many.
    pub fn count_address(&self, origin: Option<IpAddr>) -> Result<(), Problem> {
        let Some(origin) = origin.filter(|origin| self.bounds_loopback || !origin.is_loopback()) else { return Ok(()) };
        self.addresses.count(&subscriber(origin), &self.clock).map_err(|wait| refuse("this address", wait))
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Bucket<K> {
    fn new(per_s: u32, burst: u32, callers_max: u64) -> Self {
        let quota = NonZeroU32::new(per_s).map(|per_s| Quota::per_second(per_s).allow_burst(NonZeroU32::new(burst).unwrap_or(per_s)));
        Self { quota, callers: Cache::builder().max_capacity(callers_max).time_to_idle(FORGOTTEN_AFTER).build() }
    }

    /// Returns how long to wait where it is one request too many.
    fn count(&self, caller: &K, clock: &DefaultClock) -> Result<(), Duration> {
        let Some(quota) = self.quota else { return Ok(()) };
        let limiter = self.callers.get(caller).unwrap_or_else(|| {
            // Two requests at once must not make two.
            self.callers.get_with_by_ref(caller, || Arc::new(RateLimiter::direct(quota)))
        });
        limiter.check().map_err(|refused| refused.wait_time_from(clock.now()))
    }
}

/// Returns what stands for all addresses of one subscriber.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> (128 - SUBSCRIBER_BITS) << (128 - SUBSCRIBER_BITS)).into(),
    }
}

fn refuse(whose: &str, wait: Duration) -> Problem {
    let wait_s = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    Problem::new(ProblemKind::RateLimited, format!("{whose} asks too often; come back in {wait_s} s")).retry_after(wait_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_bound_and_this_machine_none() {
        let rates = Rates::new(&RateConfig { per_address_per_s: 1, address_burst: 2, ..RateConfig::default() });
        let count = |address: &str| rates.count(&Identity::Nobody, Some(address.parse().unwrap())).map_err(|problem| problem.kind);
        for address in ["198.51.100.1", "198.51.100.2", "2001:db8::1"] {
            assert_eq!([count(address), count(address), count(address)], [Ok(()), Ok(()), Err(ProblemKind::RateLimited)], "{address}");
        }
        // The same subscriber under another address of its network.
        assert!(count("2001:db8::ffff:2").is_err());
        assert!(count("2001:db8:0:1::1").is_ok());
        assert!((0..9).all(|_| count("127.0.0.1").is_ok()));
    }

    #[test]
    fn a_key_is_bounded_by_itself_wherever_it_is_shown() {
        let rates = Rates::new(&RateConfig { per_key_per_s: 1, key_burst: 1, per_address_per_s: 0, ..RateConfig::default() });
        let count = |subject: &str, address: &str| rates.count(&Identity::Token(subject.into()), Some(address.parse().unwrap())).is_ok();
        assert!(count("a", "198.51.100.1"));
        assert!(!count("a", "198.51.100.2"));
        assert!(count("b", "198.51.100.1"));
        assert!((0..9).all(|_| rates.count(&Identity::Nobody, Some("198.51.100.1".parse().unwrap())).is_ok()));
    }
}
