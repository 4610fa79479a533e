//! Requests that change nothing: no 500, no panic, and no answer that costs more than [`CPU_S_MAX`].
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use cpu_time::ProcessTime;
use gridkeeper_fuzz::{InProcess, WrittenRequest};
use libfuzzer_sys::{Corpus, fuzz_target};

/// No answer about two hundred units costs so much, instrumented as all is here. Time of the processor, as a machine may be busy.
const CPU_S_MAX: Duration = Duration::from_secs(5);

static SERVICE: LazyLock<InProcess> = LazyLock::new(InProcess::start);

fuzz_target!(|text: &[u8]| -> Corpus {
    let Some(written) = WrittenRequest::parse(text).filter(|written| written.method.is_safe()) else { return Corpus::Reject };
    let service = &*SERVICE;
    let started = ProcessTime::now();
    service.try_out(&written);
    assert!(started.elapsed() < CPU_S_MAX, "{:?} for {written:?}", started.elapsed());
    Corpus::Keep
});
