//! Filters in both languages: each is refused with a place or evaluated, at a cost below [`CPU_S_MAX`].
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use cpu_time::ProcessTime;
use gridkeeper_fuzz::filters::Filters;
use libfuzzer_sys::fuzz_target;

/// No filter of the length that a query may have costs so much over four features, instrumented as all is here.
const CPU_S_MAX: Duration = Duration::from_secs(5);

static FILTERS: LazyLock<Filters> = LazyLock::new(Filters::default);

fuzz_target!(|text: &str| {
    let started = ProcessTime::now();
    FILTERS.try_out(text);
    assert!(started.elapsed() < CPU_S_MAX, "{:?} for {text:?}", started.elapsed());
});
