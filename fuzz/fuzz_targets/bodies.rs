//! Requests with bodies, which may change what is stored: no 500, no panic, and no answer that costs more than [`CPU_S_MAX`].
#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use cpu_time::ProcessTime;
use gridkeeper_fuzz::{InProcess, WrittenRequest};
use libfuzzer_sys::{Corpus, fuzz_target};

/// As for requests without bodies; drafts check a whole layer.
const CPU_S_MAX: Duration = Duration::from_secs(10);

/// After so many requests the service begins anew, as what they wrote makes answers slower and harder to find again.
const REQUESTS_MAX: usize = 500;

thread_local! {
    static SERVICE: RefCell<(Option<InProcess>, usize)> = const { RefCell::new((None, 0)) };
}

fuzz_target!(|text: &[u8]| -> Corpus {
    let Some(written) = WrittenRequest::parse(text).filter(|written| !written.method.is_safe()) else { return Corpus::Reject };
    SERVICE.with_borrow_mut(|(service, asked)| {
        if *asked >= REQUESTS_MAX {
            (*service, *asked) = (None, 0);
        }
        *asked += 1;
        let service = service.get_or_insert_with(InProcess::start);
        let started = ProcessTime::now();
        service.try_out(&written);
        assert!(started.elapsed() < CPU_S_MAX, "{:?} for {written:?}", started.elapsed());
    });
    Corpus::Keep
});
